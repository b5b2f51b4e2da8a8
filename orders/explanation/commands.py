"""`flask explain`: what followed from an event of an order, as a tree of lines."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import with_appcontext

from foundation.console import in_one_line
from foundation.contract import LARGEST_ID
from orders.explanation.tree import Explainer


def init_app(app: Flask, explainer: Explainer) -> None:
    """Add the command."""

    @app.cli.command("explain")
    @click.argument("order_id", metavar="ORDER", type=click.IntRange(1, LARGEST_ID))
    @click.option("--event", type=click.IntRange(1, LARGEST_ID), help="Id of the event; the latest one without it.")
    @with_appcontext
    def explain(order_id: int, event: int | None) -> None:
        """Print what followed from an event of an order, and why what did not."""
        with in_one_line():
            explained = explainer.explain(order_id, event)
        click.echo("\n".join(explained.lines()))
