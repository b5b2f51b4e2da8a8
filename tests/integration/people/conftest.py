"""Bob as an account with a password, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from access import passwords, people
from access.people import Person
from cli import init_commands
from tests.integration.people.browser import PASSWORD, Browser


@pytest.fixture
def run(app: Flask, empty: None) -> Callable[..., Result]:
    """`flask …`, in this process."""
    if "people" not in app.cli.commands:
        init_commands(app)
    return lambda *words: app.test_cli_runner().invoke(args=words)


@pytest.fixture(scope="package")
def hashed() -> str:
    return passwords.hashed(PASSWORD)


@pytest.fixture
def bob(app: Flask, empty: None, sql: Callable[..., list[tuple[Any, ...]]], hashed: str) -> Person:
    """Bob, who sells as seller 1 and has a password."""
    with app.app_context():
        person = people.add("Bob@Example.org", "Bob Baker", "seller", 1)
    sql("UPDATE people SET password = %s WHERE id = %s", hashed, person.id)
    return person


@pytest.fixture
def browser(app: Flask, empty: None) -> Browser:
    return Browser(app)
