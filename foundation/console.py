"""How a command says what cannot be done: in one line, and with an exit status that is not 0."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from foundation.errors import AppError


@contextmanager
def in_one_line() -> Iterator[None]:
    """Whatever a caller over HTTP would be told as a problem, the operator reads as its sentence."""
    try:
        yield
    except AppError as error:
        raise click.ClickException(error.detail) from error
