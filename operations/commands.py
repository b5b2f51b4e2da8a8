"""`flask side-effects ...`: operations on the command line."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from typing import Any

import click
import orjson
from flask import Flask, current_app
from flask.cli import AppGroup

from foundation.console import in_one_line
from foundation.contract import LARGEST_ID
from foundation.settings import MODES
from operations import actions, listing
from operations.completeness import missing
from operations.selection import Selection
from outbox.engine import Engine
from outbox.modes import ALL, DEFAULT
from side_effects.models import STATUSES

group = AppGroup("side-effects", help="Inspect and operate side effects.")


def init_app(app: Flask) -> None:
    """Add the command group."""
    app.cli.add_command(group)


def selecting(command: Callable[..., None]) -> Callable[..., None]:
    """Options that select side effects."""
    for option in (
        click.option("--id", "ids", type=int, multiple=True, help="Id of a side effect; may be repeated."),
        click.option("--kind", help="Side effects of this kind."),
        click.option("--fingerprint", help="Side effects whose error has this fingerprint."),
        click.option("--destination", help="Side effects with this destination."),
    ):
        command = option(command)
    return command


@group.command("list")
@click.option("--status", type=click.Choice(STATUSES), default="dead", show_default=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@selecting
def list_them(status: str, limit: int, **chosen: Any) -> None:
    """List side effects, newest first, one JSON object per line."""
    cursor: int | None = LARGEST_ID
    selected = _selected(chosen, status)
    while limit > 0 and cursor is not None:
        text, cursor = listing.page(_engine().event_types, selected, cursor, limit)
        rows = orjson.loads(text)
        for row in rows:
            click.echo(orjson.dumps(row))
        limit -= len(rows)


@group.command("groups")
def print_groups() -> None:
    """Group dead letters by kind and error."""
    for row in actions.groups():
        click.echo(orjson.dumps(row))


@group.command("redeliver")
@click.option("--per-second", type=click.FloatRange(0.01, 1000), default=10, show_default=True)
@click.option("--all", "everything", is_flag=True, help="Every dead letter; needed if no other option selects any.")
@selecting
def redeliver(per_second: float, everything: bool, **chosen: Any) -> None:
    """Redeliver dead letters at a given rate."""
    _say_count(actions.redeliver(_actor(), _named(chosen, everything), per_second), "will be redelivered.")


@group.command("discard")
@click.option("--reason", required=True)
@click.option("--all", "everything", is_flag=True, help="Every dead letter; needed if no other option selects any.")
@selecting
def discard(reason: str, everything: bool, **chosen: Any) -> None:
    """Discard dead letters."""
    _say_count(actions.discard(_actor(), _named(chosen, everything), reason), "discarded.")


@group.command("pause")
@click.argument("destination")
@click.option("--reason", default="")
def pause(destination: str, reason: str) -> None:
    """Pause a destination."""
    actions.pause(_actor(), destination, reason)
    click.echo(f"{destination} is paused; its side effects wait until it is resumed.")


@group.command("resume")
@click.argument("destination")
@click.option("--reason", default="")
def resume(destination: str, reason: str) -> None:
    """Resume a paused destination."""
    with in_one_line():
        actions.resume(_actor(), destination, reason)
    click.echo(f"{destination} is resumed.")


@group.command("circuits")
def print_circuits() -> None:
    """List the destinations whose circuit has ever opened."""
    for row in actions.circuits():
        click.echo(orjson.dumps(row))


@group.command("mode")
@click.argument("mode", type=click.Choice([*MODES, DEFAULT]))
@click.option("--kind", default=ALL, help="Only this kind; default: all.")
def mode(mode: str, kind: str) -> None:
    """Set whether effects are done in the background or before the response; no restart is needed.

    It overrides SIDE_EFFECTS_MODE until it is set to `default`.
    """
    with in_one_line():
        actions.set_mode(_actor(), mode, kind, _engine().kinds)
    what = "All effects" if kind == ALL else f"Effects of kind {kind}"
    click.echo(f"{what}: {'as SIDE_EFFECTS_MODE says' if mode == DEFAULT else mode}, in every process within seconds.")


@group.command("verify")
@click.option("--hours", type=click.IntRange(1, 8760), default=24, show_default=True)
def verify(hours: int) -> None:
    """Find events with missing effects; exit status 1 if there are any.

    It looks back at most RETENTION_HOURS: older records are deleted.
    """
    engine = _engine()
    found = list(missing(engine.event_types.values(), min(hours, engine.retention_hours)))
    for one in found:
        click.echo(f"{one.event_type} event {one.event_id}: {one.effect} is missing")
    click.echo(f"{len(found)} missing.")
    sys.exit(1 if found else 0)


@group.command("actions")
def print_actions() -> None:
    """List operators' actions."""
    for row in actions.actions():
        click.echo(orjson.dumps(row))


def _say_count(count: int, done: str) -> None:
    more = " There may be more; run the command again." if count == actions.AT_ONCE else ""
    click.echo(f"{count} {done}{more}")


def _engine() -> Engine:
    engine: Engine = current_app.extensions["onward"].engine
    return engine


def _named(chosen: dict[str, Any], everything: bool) -> Selection:
    selection = _selected(chosen)
    if selection == Selection() and not everything:
        raise click.UsageError("Give --id, --kind, --fingerprint or --destination, or --all.")
    return selection


def _selected(chosen: dict[str, Any], status: str | None = None) -> Selection:
    return Selection(status=status, **chosen)


def _actor() -> str:
    return f"command line, {getpass.getuser()}"
