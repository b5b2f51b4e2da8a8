"""`flask live ...`: maintenance of the log of live events."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from foundation import sql
from foundation.db import db

group = AppGroup("live", help="Maintain the log of live events.")

SQL = sql.beside(__file__)
NEW_EPOCH = SQL.text("new_epoch")


@group.command("new-epoch")
def new_epoch() -> None:
    """Invalidate all cursors; run it after restoring a backup.

    The restored log continues from the backup's last number, so a cursor from the lost part would be mistaken for a
    current one, and the events in between would be missed silently.
    """
    epoch = db.session.execute(NEW_EPOCH).scalar_one()
    db.session.commit()
    click.echo(f"The log's epoch is now {epoch}. Running processes notice within a minute.")
