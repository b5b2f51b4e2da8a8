"""Refuses a database that cannot be used: behind a transaction-mode pooler, or with another encoding.

Prepared statements, settings, notifications and locks belong to a session. A pooler in transaction mode gives each
transaction any free session: a service behind one starts, answers most requests, and loses effects.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import psycopg2.extensions

from foundation.connections import PREPARED_SETTINGS, Row, connect

POOLED = (
    "DATABASE_URL leads to a connection pooler in transaction mode, where prepared statements, settings and wake-ups "
    "are lost: give this database pool_mode = session, or name PostgreSQL itself"
)
ENCODING = "the database's encoding is {}, and Onward needs UTF8"
LOOK = "SELECT pg_backend_pid(), current_setting('statement_timeout'), current_setting('server_encoding')"


def unusable(dsn: str) -> str | None:
    """What is wrong with the database's sessions, or None; raises if it does not respond."""
    with closing(connect(dsn, "check")) as ours, closing(connect(dsn, "check")) as another:
        pid, _, encoding = _run(ours, LOOK)
        # Two transactions in a row often get the same session from a pooler too, the one that was used last. So another
        # client takes a session meanwhile, and holds it: either ours, or ours gets a second one.
        if _run(another, "SELECT pg_backend_pid()") == (pid,):
            return POOLED
        _run(another, "BEGIN")
        _run(another, "SELECT pg_backend_pid()")
        if _run(ours, LOOK) != (pid, PREPARED_SETTINGS["statement_timeout"], encoding):
            return POOLED
    return None if encoding == "UTF8" else ENCODING.format(encoding)


def check(dsn: str) -> Callable[[], str | None]:
    """A check for /readyz, which repeats until it has found nothing wrong."""
    fine = False

    def look() -> str | None:
        nonlocal fine
        wrong = None if fine else unusable(dsn)
        fine = wrong is None
        return wrong

    return look


def _run(connection: psycopg2.extensions.connection, statement: str) -> Row:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return (cursor.fetchone() or ()) if cursor.description else ()
