"""The PATCH in Flask over psycopg2, for the two peers that hand what follows from it to a queue."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg2
from flask import Flask, Response, request
from gevent import monkey

from benchmarks.peers import work
from foundation.connections import install_wait_callback

CONNECTIONS = 8
CHANGE = work.psycopg(work.CHANGE)
INSERT = {kind: work.psycopg(statement) for kind, statement in work.INSERT.items()}

if monkey.is_module_patched("socket"):  # in the web worker; the queue's worker has threads or processes
    install_wait_callback()


class Pool:
    """Connections that are opened when they are first needed."""

    def __init__(self, size: int) -> None:
        self._free: queue.LifoQueue[psycopg2.extensions.connection | None] = queue.LifoQueue()
        for _ in range(size):
            self._free.put(None)

    @contextmanager
    def borrowed(self) -> Iterator[psycopg2.extensions.connection]:
        connection = self._free.get() or psycopg2.connect(work.DSN)
        try:
            yield connection
        finally:
            self._free.put(connection)


_pool = Pool(CONNECTIONS)


def write(rows: list[work.Row]) -> None:
    """Write the rows of one task, in one transaction."""
    if not rows:
        return
    with _pool.borrowed() as connection:
        connection.autocommit = len(rows) == 1
        with connection, connection.cursor() as cursor:
            for kind, values in rows:
                cursor.execute(INSERT[kind], work.named(values))


def build(follow: Callable[[work.Change], None]) -> Flask:
    """An application that has `follow` enqueue what is to be done after each change."""
    app = Flask("peer")

    def change_status(order_id: int) -> Response:
        status = request.get_json()["status"]
        args = work.arguments(order_id, status, work.seller_of(request.headers["Authorization"]))
        with _pool.borrowed() as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(CHANGE, work.named(args))
                row = cursor.fetchone()
        if row is None:
            return Response(status=409)
        change = dict(zip(work.COLUMNS, row, strict=True))
        follow(change)
        return Response(work.answer(change), content_type="application/json")

    app.add_url_rule("/api/orders/<int:order_id>/status", view_func=change_status, methods=["PATCH"])
    app.add_url_rule("/readyz", "ready", lambda: {"status": "ready"})
    return app
