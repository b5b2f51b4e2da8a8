"""The application in this process, on a real PostgreSQL; nothing runs in the background until a test lets it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import orjson
import psycopg2
import psycopg2.extensions
import pytest
from flask import Flask

from app import build_app
from foundation.settings import Settings
from outbox.engine import Engine
from process import Onward, onward_of
from tests.cast import Answer, Cast, assemble
from tests.conftest import run_sql, url_of
from tests.integration.older import OlderDatabase
from tests.integration.visitor import Visitor

TABLES = (
    "side_effects, circuits, circuit_changes, operator_actions, side_effect_modes, operator_jobs, metric_minutes, "
    "bulk_changes, bulk_change_orders, "
    "orders, order_imports, order_search, saved_views, order_events, order_reasons, order_edits, outbox, "
    "preferences, digests, digest_entries, sent_letters, alerts, "
    "notifications, messages, internal_notes, message_marks, webhook_endpoints, webhook_attempts, webhook_hours, "
    "realtime_packs, realtime_events, stream_readers, revocations, api_keys, people, sellers, "
    "sign_in_attempts, stream_tickets, idempotency_keys"
)


def forget(engine: Engine) -> None:
    """What is left of a process that was killed: nothing in its memory."""
    engine._leases.clear()
    engine.writer.clear()
    engine.worker.circuits.forget()


class Outbox:
    """Lets the entries be kept, here and now."""

    def __init__(self, onward: Onward, sql: Callable[..., list[tuple[Any, ...]]]) -> None:
        self._engine = onward.engine
        self._sql = sql

    def run_until_idle(self) -> None:
        """Return when nothing waits in this process any more."""
        for _ in range(100):
            self._engine.wait_until_quiet()
            if self._engine.writer.quiet:
                return
            self._engine.writer.flush()
        raise AssertionError("the engine does not come to rest")

    def try_again(self) -> None:
        """Make everything due that waits for a later attempt, and attempt it."""
        self._sql("UPDATE side_effects SET scheduled_at = clock_timestamp() WHERE status = 'pending'")
        self._engine.worker.look()
        self.run_until_idle()

    @property
    def effects(self) -> list[tuple[Any, ...]]:
        """Side effects with rows of their own."""
        return self._sql("SELECT kind, destination, status, attempts FROM side_effects ORDER BY id")

    def look(self) -> int:
        """Take over what nobody works on, and finish it."""
        taken = self._engine.look()
        self.run_until_idle()
        return taken

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return self._sql("SELECT event_type, order_id, pending FROM outbox ORDER BY id")


@pytest.fixture(scope="session")
def app(settings: Settings, _green: None) -> Iterator[Flask]:
    app = build_app(settings)
    onward_of(app).realtime.feed.packed = True  # as a feed that runs reads it from a new database
    yield app
    onward_of(app).stop()


@pytest.fixture
def app_with(settings: Settings, _green: None) -> Iterator[Callable[..., Flask]]:
    """Build the application with other settings."""
    built: list[Flask] = []

    def build(**changes: Any) -> Flask:
        built.append(build_app(dataclasses.replace(settings, **changes)))
        return built[-1]

    yield build
    for app in built:
        onward_of(app).stop()


@pytest.fixture
def onward(app: Flask, empty: None) -> Onward:
    return onward_of(app)


@pytest.fixture(params=["background", "sequential"])
def mode(request: pytest.FixtureRequest, onward: Onward) -> Iterator[str]:
    """What follows a change is the same in both modes."""
    onward.engine.modes.learn({"*": request.param})
    yield request.param
    onward.engine.modes.learn({})


@pytest.fixture
def in_rows(onward: Onward) -> Iterator[None]:
    """Each live event gets a row of its own, as long as there may be processes that cannot read packs."""
    onward.realtime.feed.packed = False
    yield
    onward.realtime.feed.packed = True


@pytest.fixture(params=["packs", "rows"])
def form(request: pytest.FixtureRequest) -> str:
    """Both forms of the log have the same events."""
    if request.param == "rows":
        request.getfixturevalue("in_rows")
    return str(request.param)


@pytest.fixture
def outbox(onward: Onward, sql: Callable[..., list[tuple[Any, ...]]]) -> Outbox:
    return Outbox(onward, sql)


@pytest.fixture(scope="session")
def connection(settings: Settings, _green: None) -> Iterator[psycopg2.extensions.connection]:
    with closing(psycopg2.connect(settings.dsn)) as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture
def sql(connection: psycopg2.extensions.connection) -> Callable[..., list[tuple[Any, ...]]]:
    """Ask the database directly."""

    def ask(statement: str, *args: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, args or None)
            return cursor.fetchall() if cursor.description else []

    return ask


@pytest.fixture
def empty(connection: psycopg2.extensions.connection, app: Flask) -> Iterator[None]:
    """Nothing of one test is left for the next."""
    yield
    forget(onward_of(app).engine)
    onward_of(app).access.credentials.forget_revoked()
    onward_of(app).access.credentials.rights_lost(())
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {TABLES}")


@pytest.fixture
def cast(app: Flask, settings: Settings, empty: None) -> Cast:
    return send_through(app, settings)


def send_through(app: Flask, settings: Settings) -> Cast:
    """The cast, speaking to this application."""
    client = app.test_client()

    def send(method: str, path: str, headers: dict[str, str], body: Any) -> tuple[Answer, Any]:
        data = body if isinstance(body, bytes) else orjson.dumps(body) if body is not None else None
        answer = client.open(path, method=method, headers=headers, data=data)
        return answer, answer.get_json(force=True, silent=True)

    return assemble(settings, send)


@pytest.fixture
def older(worker_name: str) -> Iterator[OlderDatabase]:
    """An empty database of this test's own."""
    name = f"onward_older_{worker_name}"
    run_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    run_sql(f"CREATE DATABASE {name}")
    yield OlderDatabase(url_of(name))
    run_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def alice(cast: Cast) -> Any:
    return cast.alice


@pytest.fixture
def bob(cast: Cast) -> Any:
    return cast.bob


@pytest.fixture
def olive(cast: Cast) -> Any:
    return cast.olive


@pytest.fixture
def mallory(cast: Cast) -> Any:
    return cast.mallory


@pytest.fixture
def shop(cast: Cast) -> Any:
    return cast.shop


@pytest.fixture
def placed(cast: Cast, outbox: Outbox) -> Any:
    """A new order of alice with bob; its effects have happened."""
    order = cast.place()
    outbox.run_until_idle()
    return order


@pytest.fixture
def visit(app: Flask, empty: None) -> Callable[[str], Visitor]:
    """Somebody of the cast, signed in by their button."""

    def visit(name: str) -> Visitor:
        visitor = Visitor(app.test_client())
        visitor.sign_in(name)
        return visitor

    return visit
