"""`flask live ...`: what only an operator can know of the log of live events."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from foundation import sql
from foundation.db import db

group = AppGroup("live", help="Look after the log of live events.")

SQL = sql.beside(__file__)
NEW_EPOCH = SQL.text("new_epoch")


@group.command("new-epoch")
def new_epoch() -> None:
    """Have every reader begin anew; to be run after a backup was restored.

    The restored log counts on from where it stood, so a cursor of its former life would be taken for one of this one,
    and what lies between would be missed without a word.
    """
    epoch = db.session.execute(NEW_EPOCH).scalar_one()
    db.session.commit()
    click.echo(f"The log's epoch is {epoch}. Processes that run notice within a minute.")
