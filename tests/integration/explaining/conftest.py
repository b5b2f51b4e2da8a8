"""The application with mail, webhooks and a workflow table that knows every way, and one with neither."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from flask import Flask

from app import build_app
from foundation.settings import Settings
from orders.explanation import commands
from orders.workflow_file import DEFAULT
from process import onward_of
from tests.integration.conftest import TABLES
from tests.integration.explaining.faults import WAYS
from tests.integration.explaining.scene import World, faulty_mail
from tests.integration.mail.server import free_port
from tests.integration.webhook_receiver import receiving


@pytest.fixture(scope="module")
def _built(
    settings: Settings, _green: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[int, Flask, Flask]]:
    path, text, port = tmp_path_factory.mktemp("explaining") / "workflow.toml", DEFAULT.read_text(), free_port()
    for status, ways in WAYS.items():
        text = text.replace(f"[statuses.{status}]\n", f"[statuses.{status}]\nways.buyer = {ways}\n")
    path.write_text(text)
    mail = {"smtp_url": f"smtp://127.0.0.1:{port}", "mail_from": "orders@shop.test"}
    built = [
        build_app(dataclasses.replace(settings, order_workflow=path, **mail)),  # type: ignore[arg-type]
        build_app(dataclasses.replace(settings, webhook_secret_keys=())),
    ]
    commands.init_app(built[0], onward_of(built[0]).orders.explainer)
    for app in built:
        onward = onward_of(app)
        onward.realtime.feed.packed = True
        onward.engine.liveness.ensure_alive()
        onward.engine.worker.owner = onward.engine.owner
        onward.realtime.readers.process = partial(getattr, onward.engine, "owner")
    yield port, built[0], built[1]
    for app in built:
        onward_of(app).stop()


@pytest.fixture
def world(
    _built: tuple[int, Flask, Flask], settings: Settings, sql: Callable[..., list[tuple[Any, ...]]]
) -> Iterator[World]:
    port, app, without = _built
    with faulty_mail(port) as mail, receiving() as receiver:
        yield World(app, without, settings, sql, mail, receiver)
    sql(f"TRUNCATE {TABLES}")
