"""`flask orders import`: orders of another system, from a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import BinaryIO

import click
import orjson
from flask import Flask
from flask.cli import with_appcontext

from access.principal import Principal
from foundation.console import in_one_line
from foundation.contract import LARGEST_ID
from orders.importing import Import
from orders.workflow import Workflow

PIECE_BYTES = 1024 * 1024


def init_app(app: Flask, workflow: Workflow) -> None:
    """Add the command."""

    @app.cli.group("orders")
    def group() -> None:
        """Orders of other systems."""

    @group.command("import")
    @with_appcontext
    @click.argument("file", type=click.File("rb"))
    @click.option(
        "--service", type=click.IntRange(1, LARGEST_ID), default=1, help="The service that the history names."
    )
    def import_(file: BinaryIO, service: int) -> None:
        """Import FILE (or -): an order with its history per line, as POST /api/orders/import takes them.

        Prints each line's result, and at the end their numbers. The exit status is 1 if a line was refused or is in
        conflict with an existing order; repeating the import changes nothing that is imported.
        """
        work = Import(workflow, Principal("service", service))
        with in_one_line():
            for results in work.run(_pieces(file)):
                sys.stdout.write(results.decode())
        click.echo(orjson.dumps({"lines": work.lines, **work.counts}))
        if work.counts["refused"] or work.counts["conflict"]:
            sys.exit(1)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece
