"""`flask side-effects ...`: what operators do without a browser."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from typing import Any

import click
import orjson
from flask import Flask
from flask.cli import AppGroup

from foundation.console import in_one_line
from foundation.contract import LARGEST_ID
from foundation.settings import MODES
from operations import actions
from operations.actions import Selection
from operations.completeness import missing
from outbox.engine import Engine
from outbox.modes import ALL, DEFAULT
from side_effects.models import STATUSES

group = AppGroup("side-effects", help="See and mend what follows from changes.")


def init_app(app: Flask, engine: Engine) -> None:
    """Give the command line its group; `verify` and `list` need the engine's event_types."""
    app.cli.add_command(group)
    app.extensions["onward.engine"] = engine


def selecting(command: Callable[..., None]) -> Callable[..., None]:
    """Options that say which side effects are meant."""
    for option in (
        click.option("--id", "ids", type=int, multiple=True, help="One side effect; may be repeated."),
        click.option("--kind", help="All of this kind."),
        click.option("--fingerprint", help="All whose error looks like this."),
        click.option("--destination", help="All that go there."),
    ):
        command = option(command)
    return command


@group.command("list")
@click.option("--status", type=click.Choice(STATUSES), default="dead", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@selecting
def list_them(status: str, limit: int, **chosen: Any) -> None:
    """Print side effects, newest first, one JSON object a line."""
    cursor: int | None = LARGEST_ID
    while limit > 0 and cursor is not None:
        text, cursor = actions.page(_engine().event_types, status, Selection(**chosen), cursor, limit)
        rows = orjson.loads(text)
        for row in rows:
            click.echo(orjson.dumps(row))
        limit -= len(rows)


@group.command("groups")
def print_groups() -> None:
    """Print dead letters by kind and error."""
    for row in actions.groups():
        click.echo(orjson.dumps(row))


@group.command("redeliver")
@click.option("--per-second", type=click.FloatRange(0.01, 1000), default=10, show_default=True)
@click.option("--all", "everything", is_flag=True, help="Every dead letter, where nothing else is named.")
@selecting
def redeliver(per_second: float, everything: bool, **chosen: Any) -> None:
    """Give dead letters a fresh start, at a pace."""
    _say_count(actions.redeliver(_actor(), _named(chosen, everything), per_second), "will be tried again.")


@group.command("discard")
@click.option("--reason", required=True)
@click.option("--all", "everything", is_flag=True, help="Every dead letter, where nothing else is named.")
@selecting
def discard(reason: str, everything: bool, **chosen: Any) -> None:
    """Give dead letters up for good."""
    _say_count(actions.discard(_actor(), _named(chosen, everything), reason), "discarded.")


@group.command("pause")
@click.argument("destination")
@click.option("--reason", default="")
def pause(destination: str, reason: str) -> None:
    """Let nothing go to a destination."""
    actions.pause(_actor(), destination, reason)
    click.echo(f"Nothing goes to {destination} until it is resumed; what waits is kept.")


@group.command("resume")
@click.argument("destination")
@click.option("--reason", default="")
def resume(destination: str, reason: str) -> None:
    """Let a destination be called again."""
    with in_one_line():
        actions.resume(_actor(), destination, reason)
    click.echo(f"{destination} is called again.")


@group.command("circuits")
def print_circuits() -> None:
    """Print the destinations that were ever in trouble."""
    for row in actions.circuits():
        click.echo(orjson.dumps(row))


@group.command("mode")
@click.argument("mode", type=click.Choice([*MODES, DEFAULT]))
@click.option("--kind", default=ALL, help="Only this kind; without it, all.")
def mode(mode: str, kind: str) -> None:
    """Do effects in the background, or before the answer as the original did; no restart is needed.

    What is said here holds until `default` takes it back, whatever SIDE_EFFECTS_MODE says.
    """
    with in_one_line():
        actions.set_mode(_actor(), mode, kind, _engine().kinds)
    what = "All effects" if kind == ALL else f"Effects of the kind {kind}"
    click.echo(f"{what}: {'as SIDE_EFFECTS_MODE says' if mode == DEFAULT else mode}, in every process within seconds.")


@group.command("verify")
@click.option("--hours", type=click.IntRange(1, 8760), default=24, show_default=True)
def verify(hours: int) -> None:
    """Find events whose promised effects left no trace; exit status 1 if there are any.

    It looks back as far as RETENTION_HOURS at most: traces that are older are gone.
    """
    engine = _engine()
    found = list(missing(engine.event_types.values(), min(hours, engine.retention_hours)))
    for one in found:
        click.echo(f"{one.event_type} event {one.event_id}: {one.effect} is missing")
    click.echo(f"{len(found)} missing.")
    sys.exit(1 if found else 0)


@group.command("actions")
def print_actions() -> None:
    """Print what operators did."""
    for row in actions.actions():
        click.echo(orjson.dumps(row))


def _say_count(count: int, done: str) -> None:
    more = " There may be more: run it again." if count == actions.AT_ONCE else ""
    click.echo(f"{count} {done}{more}")


def _engine() -> Engine:
    engine: Engine = click.get_current_context().obj.load_app().extensions["onward.engine"]
    return engine


def _named(chosen: dict[str, Any], everything: bool) -> Selection:
    selection = Selection(**chosen)
    if selection == Selection() and not everything:
        raise click.UsageError("Name --id, --kind, --fingerprint or --destination, or say --all.")
    return selection


def _actor() -> str:
    return f"command line, {getpass.getuser()}"
