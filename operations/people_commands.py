"""`flask people delete`: the account of a person, on the command line."""

from __future__ import annotations

import getpass

import click
from flask.cli import with_appcontext

from access import people
from access.commands import who
from foundation.console import in_one_line
from operations import staff


def init_app() -> None:
    """Add the command to those for people."""
    who.add_command(delete)


@click.command("delete")
@with_appcontext
@click.argument("email")
@click.option("--reason", required=True, help="Recorded in the audit trail.")
@click.confirmation_option(prompt="This cannot be undone. Delete?")
def delete(email: str, reason: str) -> None:
    """Delete the account of a person, and the name everywhere. What the person did stays."""
    with in_one_line():
        erased = staff.delete(email, f"command line, {getpass.getuser()}", reason)
    click.echo(f"{people.plain(email)} is deleted, and the name is erased from {erased} live events.")
