"""How commands report errors: in one line, and with a non-zero exit status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from foundation.errors import AppError


@contextmanager
def in_one_line() -> Iterator[None]:
    """An error that an HTTP client would get as a problem is printed as its sentence."""
    try:
        yield
    except AppError as error:
        raise click.ClickException(error.detail) from error
