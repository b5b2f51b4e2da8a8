"""`flask webhooks list|disable|enable`: every endpoint, for whoever operates the host."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup, with_appcontext

from foundation import sql
from foundation.db import all_rows, commit, db, in_pieces
from webhooks.endpoints import FORGET_CIRCUIT
from webhooks.matching import DESTINATION

SQL = sql.beside(__file__)
EVERY, DISABLE, ENABLE, RELEASE = SQL.text("every"), SQL.text("disable"), SQL.text("enable"), SQL.text("release")


def init_app(app: Flask) -> None:
    """Add them to the group `webhooks`."""
    group = app.cli.commands["webhooks"]
    assert isinstance(group, AppGroup)

    @group.command("list")
    @with_appcontext
    def list_endpoints() -> None:
        """List all endpoints: id, owner, state and URL."""
        for id, seller, state, url in all_rows(EVERY):
            click.echo(f"{id:6}  {f'seller {seller}' if seller else 'marketplace':16}  {state:24}  {url}")

    @group.command("disable")
    @click.argument("id", type=int)
    @click.option("--reason", required=True, help="Its owner sees it.")
    @with_appcontext
    def disable(id: int, reason: str) -> None:
        """Disable an endpoint; its deliveries wait."""
        if not db.session.execute(DISABLE, {"id": id, "reason": reason}).rowcount:  # type: ignore[attr-defined]
            raise click.ClickException(f"No endpoint {id} that is enabled.")
        db.session.execute(FORGET_CIRCUIT, {"destination": f"{DESTINATION}{id}"})
        commit()
        click.echo(f"{id} is disabled.")

    @group.command("enable")
    @click.argument("id", type=int)
    @with_appcontext
    def enable(id: int) -> None:
        """Enable an endpoint; it gets what waited for it."""
        if not db.session.execute(ENABLE, {"id": id}).rowcount:  # type: ignore[attr-defined]
            raise click.ClickException(f"No endpoint {id} that is disabled.")
        db.session.execute(FORGET_CIRCUIT, {"destination": f"{DESTINATION}{id}"})
        commit()
        in_pieces(RELEASE, destination=f"{DESTINATION}{id}")
        click.echo(f"{id} is enabled.")
