"""`flask workflow`: validate a table and try it on the past before it is used, and align existing orders with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from flask import Flask
from flask.cli import with_appcontext
from sqlalchemy import text

from foundation import sql
from foundation.db import db
from orders import workflow_file
from orders.effects import timer
from orders.workflow import Workflow
from orders.workflow_trial import Trial

RANGE = 10_000
SQL = sql.beside(__file__)
NEWEST = SQL.text("newest_order")
CLOSE_OR_OPEN = SQL.text("close_or_open")


def init_app(app: Flask, workflow: Workflow) -> None:
    """Add the commands."""

    @app.cli.group("workflow")
    def group() -> None:
        """The table of statuses and transitions."""

    @group.command()
    @click.argument("file", type=click.Path(path_type=Path))
    def check(file: Path) -> None:
        """Validate a workflow table and list its mistakes."""
        table = _load(file)
        click.echo(f"{file}: {len(table.statuses)} statuses, {len(table.transitions)} transitions, no mistakes")

    @group.command("try")
    @click.argument("file", type=click.Path(path_type=Path))
    @with_appcontext
    def replay(file: Path) -> None:
        """Replay the stored history through another table; exit status 1 if it refuses a change or strands an order."""
        trial = Trial(_load(file))
        refused, stranded = trial.refused(), trial.stranded()
        click.echo(f"{refused.total} of {refused.checked} changes would have been refused.")
        click.echo("".join(f"{line}\n" for line in refused.lines()), nl=False)
        click.echo(f"{stranded.total} of {stranded.checked} orders would be stranded.")
        click.echo("".join(f"{line}\n" for line in stranded.lines()), nl=False)
        sys.exit(1 if refused.total or stranded.total else 0)

    @group.command("align")
    @with_appcontext
    def align() -> None:
        """Recompute `open` and timers of existing orders after a workflow change."""
        changed = sum(_close_or_open(workflow))
        timed = timer.of_existing(workflow)
        count = db.session.execute(text(timed)).rowcount if timed else 0  # type: ignore[attr-defined]
        db.session.commit()
        click.echo(f"{changed} orders opened or closed, {count} timers set")


def _load(file: Path) -> Workflow:
    """The table in this file; its mistakes end the command."""
    try:
        return workflow_file.load(file)
    except workflow_file.WorkflowError as error:
        sys.exit("\n".join(error.problems))


def _close_or_open(workflow: Workflow) -> Iterator[int]:
    """Range by range, so that nobody waits long for an order: how many of each were changed."""
    newest: int = db.session.execute(NEWEST).scalar_one()
    statuses = {"closed": [one.name for one in workflow.statuses.values() if one.closed], "known": [*workflow.statuses]}
    for start in range(0, newest, RANGE):
        changed = db.session.execute(CLOSE_OR_OPEN, statuses | {"after": start, "through": start + RANGE})
        db.session.commit()
        yield changed.rowcount  # type: ignore[attr-defined]
