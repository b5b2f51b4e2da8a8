"""`flask workflow`: validate a table before it is used, and align existing orders with it."""

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
        try:
            table = workflow_file.load(file)
        except workflow_file.WorkflowError as error:
            sys.exit("\n".join(error.problems))
        click.echo(f"{file}: {len(table.statuses)} statuses, {len(table.transitions)} transitions, no mistakes")

    @group.command("align")
    @with_appcontext
    def align() -> None:
        """Recompute `open` and timers of existing orders after a workflow change."""
        changed = sum(_close_or_open(workflow))
        timed = timer.of_existing(workflow)
        count = db.session.execute(text(timed)).rowcount if timed else 0  # type: ignore[attr-defined]
        db.session.commit()
        click.echo(f"{changed} orders opened or closed, {count} timers set")


def _close_or_open(workflow: Workflow) -> Iterator[int]:
    """Range by range, so that nobody waits long for an order: how many of each were changed."""
    newest: int = db.session.execute(NEWEST).scalar_one()
    statuses = {"finals": [one.name for one in workflow.statuses.values() if one.final], "known": [*workflow.statuses]}
    for start in range(0, newest, RANGE):
        changed = db.session.execute(CLOSE_OR_OPEN, statuses | {"after": start, "through": start + RANGE})
        db.session.commit()
        yield changed.rowcount  # type: ignore[attr-defined]
