"""`flask token`: a bearer token on the command line."""

from __future__ import annotations

import click
from flask import Flask, current_app

from access.principal import ROLES, Role
from access.tokens import LIFETIME_SECONDS, Tokens
from foundation.contract import LARGEST_ID


@click.command("token")
@click.option("--role", type=click.Choice(ROLES), required=True, help="Whose rights the token carries.")
@click.option("--id", "subject", type=click.IntRange(1, LARGEST_ID), required=True, help="The seller's, buyer's … id.")
@click.option(
    "--hours", type=click.FloatRange(min=0.001), default=LIFETIME_SECONDS / 3600, help="How long it is valid."
)
def token(role: Role, subject: int, hours: float) -> None:
    """Print a token and nothing else."""
    tokens: Tokens = current_app.extensions["onward.tokens"]
    click.echo(tokens.issue(role, subject, hours * 3600))


def init_app(app: Flask) -> None:
    app.cli.add_command(token)
