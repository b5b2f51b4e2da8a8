"""`flask workflow`: check a table before it is used, and bring standing orders in line with it."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from flask import Flask
from flask.cli import with_appcontext
from sqlalchemy import text

from foundation.db import db
from orders import timers, workflow_file
from orders.workflow import Workflow


def init_app(app: Flask, workflow: Workflow) -> None:
    """Add the commands."""

    @app.cli.group("workflow")
    def group() -> None:
        """The table of statuses and moves."""

    @group.command()
    @click.argument("file", type=click.Path(path_type=Path))
    def check(file: Path) -> None:
        """Say what is wrong with a table, line by line."""
        try:
            table = workflow_file.load(file)
        except workflow_file.WorkflowError as error:
            sys.exit("\n".join(error.problems))
        click.echo(f"{file}: {len(table.statuses)} statuses, {len(table.transitions)} transitions, no mistakes")

    @group.command("timers")
    @with_appcontext
    def set_timers() -> None:
        """Give every order that stands in a timed status its timer, by the table as it is now."""
        statement = timers.of_standing(workflow)
        count = db.session.execute(text(statement)).rowcount if statement else 0  # type: ignore[attr-defined]
        db.session.commit()
        click.echo(f"{count} timers set")
