"""The application with a mail server configured, for all tests of this folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from app import build_app
from foundation.settings import Settings
from process import onward_of
from tests.cast import Cast
from tests.integration.conftest import Outbox, send_through
from tests.integration.mail.server import MailServer, free_port, running


@pytest.fixture(scope="package")
def port() -> int:
    return free_port()


@pytest.fixture(scope="package")
def mailing(settings: Settings, port: int, _green: None) -> Iterator[Flask]:
    """The application with a mail server configured; whether one is there is another question."""
    app = build_app(dataclasses.replace(settings, smtp_url=f"smtp://127.0.0.1:{port}", mail_from="orders@shop.test"))
    yield app
    onward_of(app).stop()


@pytest.fixture
def app(mailing: Flask) -> Flask:
    """Stands in for the application without mail."""
    return mailing


@pytest.fixture
def outbox(mailing: Flask, sql: Callable[..., list[tuple[Any, ...]]], empty: None) -> Outbox:
    return Outbox(onward_of(mailing), sql)


@pytest.fixture
def cast(mailing: Flask, settings: Settings, empty: None) -> Cast:
    return send_through(mailing, settings)


@pytest.fixture
def mail_server(port: int) -> Iterator[MailServer]:
    with running(port) as server:
        yield server
