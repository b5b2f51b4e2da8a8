"""Build the indexes of tables that are being written: `CREATE INDEX CONCURRENTLY`, which no transaction may contain.

A revision names them in INDEXES. Nothing depends on them but speed, so they follow the commit of the migrations; what
was interrupted is done again by the next `flask db upgrade`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from sqlalchemy import Connection, text

from foundation import locks

PAUSE_SECONDS = 0.5

LOCK = text(f"SELECT pg_try_advisory_lock({locks.INDEXES})")
VALID = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")


def build(connection: Connection, indexes: Mapping[str, str]) -> None:
    """Build those that are missing or were left unfinished; the connection is in autocommit.

    Another process may do the same: it is not waited for within a statement, for which the building would wait.
    """
    while not connection.scalar(LOCK):
        time.sleep(PAUSE_SECONDS)
    for name, definition in indexes.items():
        valid = connection.scalar(VALID, {"name": name})
        if valid is False:
            connection.execute(text(f"DROP INDEX CONCURRENTLY {name}"))
        if not valid:
            unique = "UNIQUE " if definition.startswith("UNIQUE ") else ""
            on = definition.removeprefix(unique)
            connection.execute(text(f"CREATE {unique}INDEX CONCURRENTLY {name} ON {on}"))
