"""`flask demo ...`: prepare the demo, get started, and generate traffic."""

from __future__ import annotations

import click
import orjson
from flask import Flask, current_app
from flask.cli import with_appcontext

from access.tokens import Tokens
from dashboard import demo_market as market
from dashboard.people import CAST
from demo.seed import seed
from demo.simulate import SimulationRefused, Simulator
from orders import listing
from process import Onward, onward_of


@click.group("demo")
def demo() -> None:
    """The demo's users, orders and traffic."""


@demo.command("prepare")
@click.option("--no-token", is_flag=True, help="Do not print a token.")
@with_appcontext
def prepare(no_token: bool) -> None:
    """Migrate the database, seed it if it is empty, and print how to get started."""
    import flask_migrate

    flask_migrate.upgrade()
    seed(onward_of(current_app))
    click.echo(_welcome(onward_of(current_app), no_token))


@demo.command("seed")
@with_appcontext
def seed_orders() -> None:
    """Seed an empty database."""
    click.echo(f"{seed(onward_of(current_app))} orders created.")


@demo.command("hello")
@with_appcontext
def hello() -> None:
    """Print how to get started."""
    click.echo(_welcome(onward_of(current_app), no_token=False))


@demo.command("run")
@click.option("--per-minute", type=click.FloatRange(1, 600), default=60, show_default=True, help="Steps per minute.")
@click.option("--minutes", type=click.FloatRange(0.01, 24 * 60), default=10, show_default=True, help="Duration.")
@with_appcontext
def run(per_minute: float, minutes: float) -> None:
    """Create, change and discuss orders through the public API."""
    settings = onward_of(current_app).settings
    click.echo(f"Generating traffic on {settings.local_url} for {minutes:g} min; stop with Ctrl-C.")
    try:
        Simulator(settings.local_url, Tokens.of(settings), per_minute, click.echo).run(minutes * 60)
    except SimulationRefused as error:
        raise click.ClickException(str(error)) from error


def init_app(app: Flask) -> None:
    app.cli.add_command(demo)


def _welcome(onward: Onward, no_token: bool) -> str:
    url = onward.settings.local_url
    people = ", ".join(f"{person.name} ({person.role})" for person in CAST)
    return f"""
Onward is ready.

  Open      {url}
  Sign in   with one of the buttons: {people}
  Traffic   make demo
{"" if no_token or onward.settings.public_url or not onward.settings.on_loopback else _first_curl(onward)}"""


def _first_curl(onward: Onward) -> str:
    """A command to paste; it contains a token, so it is printed only for a local service."""
    settings = onward.settings
    url, token = settings.local_url, Tokens.of(settings).issue(market.SELLER.role, market.SELLER.id, demo=settings.demo)
    order_id, status = _next_step(onward)
    return f"""
  Change an order from the command line and watch the board:

curl -X PATCH {url}/api/orders/{order_id}/status --json '{{"status": "{status}"}}' -H 'Authorization: Bearer {token}'
"""


def _next_step(onward: Onward) -> tuple[int, str]:
    """An order of the seller's and a transition that is allowed now, so that the command works as printed."""
    found, _ = listing.page(onward.orders.workflow, market.SELLER.principal, listing.Wanted(limit=200))
    for order in map(orjson.loads, found):
        for target in order["allowed_transitions"]:
            if not onward.orders.workflow.needs_reason(order["status"], target):
                return order["id"], target
    return 1, "CONFIRMED"
