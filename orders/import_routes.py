"""Importing orders over HTTP: a body of lines is read in pieces, and answered while it arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import orjson
from flask import Response, request, stream_with_context
from flask_openapi.blueprint import APIBlueprint
from gevent.lock import BoundedSemaphore

from access import guards
from foundation import problems
from foundation.contract import example_of, typed
from foundation.db import db
from foundation.documentation import documented
from foundation.errors import ServiceUnavailable, UnsupportedMediaType
from orders.import_lines import ImportedOrder
from orders.importing import Import
from orders.workflow import Workflow
from server.bodies import TimedBody
from server.writing import unacknowledged, wait_for_reading

MEDIA = "application/x-ndjson"
PIECE_BYTES = 64 * 1024

SLOWEST_BYTES = 64 * 1024
"""Per second: a body that arrives more slowly is given up."""

AT_ONCE = 2
"""Imports in a process; each holds a batch, and results that are not read yet."""

HELD_BYTES = 8 * 1024 * 1024
"""Results that wait while the body arrives: many a client sends everything before it begins to read. They are those of
more than 100,000 orders; with more, a client that does not read is dropped as any other is."""

EXAMPLE = orjson.dumps(example_of(ImportedOrder)).decode() + "\n"
RESULT = '{"line":1,"result":"created","id":2}\n{"lines":1,"created":1,"exists":0,"conflict":0,"refused":0}\n'

UNSURE = "The database connection broke. Send the import again: what it has created is then answered with `exists`."


class TooManyImports(ServiceUnavailable):
    """This process is importing as much as it can; `Retry-After` says when to try again."""

    code = "too_many_imports"
    sentence = "Too many imports at once. Nothing was imported."


def blueprint(workflow: Workflow) -> APIBlueprint:
    """The route."""
    routes = APIBlueprint("import", __name__, abp_tags=[{"name": "Orders"}])
    guards.protect(routes, "service", area="orders")
    places = BoundedSemaphore(AT_ONCE)

    @routes.post(
        "/api/orders/import",
        summary="Import orders with their history",
        **documented({MEDIA: RESULT}, TooManyImports, body={MEDIA: EXAMPLE}),
    )
    @partial(typed, own_body=True)
    def import_orders() -> Response:
        """One order per line, as `POST /api/orders` takes it, with `external_id`, `status`, `created_at`, `history`.

        Nothing follows from it but timers: no live event, notification, message or e-mail. Each line has a result of
        its own, in the same order: `created`, `exists` (the same line was imported before), `conflict` (another order
        has this `external_id`) or `refused` with a `problem`. The last line sums up; an import that ends early has a
        `problem` there, and is continued by sending it again.
        """
        if request.mimetype != MEDIA:
            raise UnsupportedMediaType(f"Send lines of JSON, with Content-Type: {MEDIA}.")
        if not places.acquire(blocking=False):
            raise TooManyImports
        answer = _answer(Import(workflow, guards.current()), places.release)
        first = next(answer)  # what is wrong before the first result is a problem of the request
        return Response(stream_with_context(_with(first, answer)), content_type=MEDIA)

    return routes


def _answer(work: Import, release: Callable[[], object]) -> Iterator[bytes]:
    """The results, and at the end their sum; raises what is wrong before there is any."""
    connection, held, ended = request.environ.get("gunicorn.socket"), bytearray(), dict[str, Any]()
    if connection is not None:
        wait_for_reading(connection)
    try:
        for results in work.run(_pieces()):
            held += results
            if len(held) > HELD_BYTES or connection is None or not unacknowledged(connection):
                yield bytes(held)
                held.clear()
    except Exception as error:
        db.session.rollback()
        if not work.lines:
            raise
        ended = {"problem": problems.body_of(problems.translate(error, UNSURE))}
    finally:
        release()
    yield bytes(held) + orjson.dumps({"lines": work.lines, **work.counts, **ended}) + b"\n"


def _pieces() -> Iterator[bytes]:
    body = request.environ["wsgi.input"]
    if isinstance(body, TimedBody):
        body.expect(SLOWEST_BYTES)
    while piece := body.read(PIECE_BYTES):
        yield piece


def _with(first: bytes, others: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from others
