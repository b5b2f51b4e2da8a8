"""`flask people erase` and `flask people export`: a buyer's personal data on the command line."""

from __future__ import annotations

import getpass

import click
from flask.cli import with_appcontext

from access.commands import who
from foundation.console import in_one_line
from foundation.contract import LARGEST_ID
from orders import personal


def init_app() -> None:
    """Add the commands to those for people."""
    who.add_command(export)
    who.add_command(erase)


@click.command("export")
@with_appcontext
@click.argument("buyer_id", type=click.IntRange(1, LARGEST_ID))
def export(buyer_id: int) -> None:
    """Print all data stored about a buyer, as JSON."""
    with in_one_line():
        click.echo(personal.written(personal.export(buyer_id)))


@click.command("erase")
@with_appcontext
@click.argument("buyer_id", type=click.IntRange(1, LARGEST_ID))
@click.option("--reason", required=True, help="Recorded in the audit trail.")
@click.confirmation_option(prompt="This cannot be undone. Erase?")
def erase(buyer_id: int, reason: str) -> None:
    """Erase a buyer's personal data. Orders and their history remain."""
    with in_one_line():
        erased = personal.erase(buyer_id, f"command line, {getpass.getuser()}", reason)
    click.echo(", ".join(f"{count} {what.replace('_', ' ')}" for what, count in erased.items()))
