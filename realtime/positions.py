"""The header of reads that says from which position of the live events a client goes on: nothing is missed in between.

It is taken before anything is read. An event is in the log only after its change was committed, so whatever is up to
the position is in what is read then; what comes behind it may be in there too, and is recognised by its version.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from flask import Flask, Response, g, request

HEADER = "Onward-Cursor"


def mark_reads(app: Flask, blueprints: Collection[str], position: Callable[[], str]) -> None:
    """Have each successful read of these blueprints say the position before it."""

    @app.before_request
    def take() -> None:
        if request.blueprint in blueprints and request.method in ("GET", "HEAD"):
            g.position = position()

    @app.after_request
    def add(response: Response) -> Response:
        if response.status_code in (200, 304) and "position" in g:
            response.headers[HEADER] = g.position
        return response
