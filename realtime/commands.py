"""`flask live ...`: maintenance of the log of live events."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from foundation import sql
from foundation.db import db

group = AppGroup("live", help="Maintain the log of live events.")

SQL = sql.beside(__file__)
NEW_EPOCH = SQL.text("new_epoch")
PACK = SQL.text("pack")


@group.command("pack")
@click.option("--off", is_flag=True, help="Write a row for each event again.")
def pack(off: bool) -> None:
    """Write the events of a change into one row, once no process of the release before is left.

    Such a process cannot read them; /readyz of one that is started nevertheless is 503. Before going back to that
    release: `--off`, stop all processes, and `flask live new-epoch`.
    """
    from flask_migrate import upgrade  # here: it is a fifth of a worker's start

    db.session.execute(PACK, {"packed": not off})
    db.session.commit()
    upgrade()  # leaves a note for older versions, see migrations/env.py
    click.echo(f"Events are written {'one by one' if off else 'in packs'}. Running processes notice within a minute.")


@group.command("new-epoch")
def new_epoch() -> None:
    """Invalidate all cursors; run it after restoring a backup.

    The restored log continues from the backup's last number, so a cursor from the lost part would be mistaken for a
    current one, and the events in between would be missed silently.
    """
    epoch = db.session.execute(NEW_EPOCH).scalar_one()
    db.session.commit()
    click.echo(f"The log's epoch is now {epoch}. Running processes notice within a minute.")
