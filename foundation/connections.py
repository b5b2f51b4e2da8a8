"""Raw database connections with limits and timeouts, and a small pool that prepares its statements.

SQLAlchemy's engine is for the cold paths. The hot statement, the bulkheads and the feed each run a handful of fixed
statements thousands of times: they use connections of their own, in autocommit, prepared once per connection.
"""

from __future__ import annotations

import select
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import gevent
import psycopg2
import psycopg2.errors
import psycopg2.extensions
from gevent import monkey
from gevent.lock import BoundedSemaphore
from gevent.socket import wait_read, wait_write
from psycopg2.extensions import POLL_OK, POLL_READ, POLL_WRITE

from foundation import clock
from foundation.errors import ServiceUnavailable

CONNECT_SECONDS = 3
"""A host that drops packets must not hang a greenlet; libpq's own timeout does not work in green mode."""

POOL_WAIT_SECONDS = 2
"""How long a request may wait for a free connection before it gets 503."""

REFUSALS = ("25", "53")
"""Classes of SQLSTATE with which a server that responds refuses to work: read-only, out of disk or memory."""

UNAVAILABLE_STATES = ("08", *REFUSALS, "57P")
"""The same, and those of a server that is down or shutting down."""

TRANSIENT_STATES = (*UNAVAILABLE_STATES, "40", "55", "57")
"""And those of statements that may succeed in a moment: a deadlock, an unavailable lock, a cancelled statement."""

BUSY = ("40", "55P", "57014")
"""A deadlock, a lock timeout, a statement timeout: the database works, and is busy."""

REFUSAL_SECONDS = 3.0
"""How long a refusal counts: a process that is not ready may get no further change to find out with."""

SERVER_SETTINGS = {
    "timezone": "UTC",
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
    # A killed client's query would keep its locks until it ends: 7.7 s was seen, 0.7 s with this.
    "client_connection_check_interval": "1s",
}
"""The settings of every connection (except of migrations)."""

PREPARED_SETTINGS = SERVER_SETTINGS | {"jit": "off", "plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}
"""Without a generic plan PostgreSQL plans the large statements at each call, at twice the CPU. A generic plan made
while the outbox was empty scanned all of it even when it had grown, hence only plans by keys."""

PREPARED_OPTIONS = " ".join(f"-c {name}={value}" for name, value in PREPARED_SETTINGS.items())
"""The same for another program, as PGOPTIONS."""

SELLERS_SEE_CONTACT = "onward.sellers_see_contact"

OURS: dict[str, str] = {}
"""Parameters of our own, for every connection of this process: what an installation has decided, and a statement reads
with `current_setting`, since it is composed before any setting is read."""

KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
}

Row = tuple[Any, ...]

_poll_now = monkey.get_original("select", "poll")
"""The real poll(2): the patched one would go round the loop, which is what is to be avoided here."""


def outcome_unknown(error: Exception) -> bool:
    """The connection broke during a statement: whether it was committed is unknown."""
    if not isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        return False
    return error.pgcode is None or error.pgcode.startswith("57P")


class NoDatabase(psycopg2.OperationalError):
    """No connection could be made, so nothing was started."""


def connect(dsn: str, name: str, settings: Mapping[str, str] = PREPARED_SETTINGS) -> psycopg2.extensions.connection:
    """A connection in autocommit whose application_name states its purpose; raises NoDatabase if none is made within 3
    s.

    The settings are made after connecting: as a startup parameter PgBouncer refuses them or, set to ignore them, drops
    them, and they would replace the `?options=` in the URL.
    """
    try:
        with gevent.Timeout(CONNECT_SECONDS, NoDatabase("the database did not answer in time")):
            connection: psycopg2.extensions.connection = psycopg2.connect(
                dsn, application_name=f"onward {name}", connect_timeout=CONNECT_SECONDS, **KEEPALIVE
            )
            connection.autocommit = True
            make_settings(connection, settings)
    except psycopg2.OperationalError as error:
        raise NoDatabase(str(error)) from error
    return connection


def make_settings(connection: psycopg2.extensions.connection, settings: Mapping[str, str]) -> None:
    """Set them, and ours, for the rest of the session, in one round trip."""
    settings = {**settings, **OURS}
    calls = ", ".join(["set_config(%s, %s, false)"] * len(settings))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}", [word for setting in settings.items() for word in setting])


def is_unavailable(error: BaseException, states: tuple[str, ...] = UNAVAILABLE_STATES) -> bool:
    """Whether an error means that the database cannot be used at the moment, and that nothing was done."""
    if isinstance(error, ServiceUnavailable):
        return True
    if not isinstance(error, psycopg2.Error) or isinstance(error, psycopg2.ProgrammingError):
        return False
    return (error.pgcode or "08").startswith(states)  # a broken connection has no code


def is_transient(error: BaseException) -> bool:
    """Whether the same may succeed in a moment."""
    return is_unavailable(error, TRANSIENT_STATES)


def busy(error: BaseException) -> bool:
    """Whether the database works, and rolled a statement back for its duration or for a lock."""
    return isinstance(error, psycopg2.Error) and (error.pgcode or "").startswith(BUSY)


@dataclass(frozen=True)
class Statement:
    """One statement with numbered parameters (`$1`), prepared under its name on each connection that runs it."""

    name: str
    types: tuple[str, ...]
    sql: str
    before: str = ""
    """Statements for the same round trip and transaction, such as taking a lock: the main one's snapshot is taken after
    them."""

    @property
    def prepare(self) -> str:
        types = f"({', '.join(self.types)})" if self.types else ""
        return f"PREPARE {self.name} {types} AS {self.sql}"

    @property
    def execute(self) -> str:
        values = f"({', '.join(['%s'] * len(self.types))})" if self.types else ""
        return f"{self.before}EXECUTE {self.name} {values}"


class PreparedConnection:
    """One raw connection that prepares a statement when it first runs it."""

    def __init__(self, dsn: str, name: str, settings: Mapping[str, str] = PREPARED_SETTINGS) -> None:
        self._settings = settings
        self._connection = connect(dsn, name, settings)
        self._cursor = self._connection.cursor()
        self._prepared: dict[str, str] = {}

    @property
    def broken(self) -> bool:
        return self._connection.closed != 0

    @property
    def backend(self) -> int:
        """The process id of the server's end; behind a pooler, a number that no server process has."""
        pid: int = self._connection.info.backend_pid
        return pid

    @property
    def cut(self) -> bool:
        """Whether the server has closed it; to be checked while it is idle, when a server has nothing else to send."""
        return self.broken or _readable_now(self._connection.fileno())

    def close(self) -> None:
        self._connection.close()

    def run(self, statement: Statement, args: Sequence[Any]) -> list[Row]:
        """Execute and fetch all rows, in one round trip and one transaction."""
        if statement.name not in self._prepared:
            self._prepare(statement)
        execute = self._prepared[statement.name]
        try:
            self._cursor.execute(execute, args)
        except (psycopg2.errors.InvalidSqlStatementName, psycopg2.errors.FeatureNotSupported):
            # Somebody ran DEALLOCATE or DISCARD ALL, which drops the settings too, or a migration changed a column. All
            # are refused before anything is done, so preparing and running again is safe.
            make_settings(self._connection, self._settings)
            self._prepare(statement)
            self._cursor.execute(execute, args)
        except psycopg2.errors.ReadOnlySqlTransaction:
            # After a failover, or while an operator wants it so. A session stays read-only when that is over, so only a
            # new one notices.
            self.close()
            raise
        return self._cursor.fetchall()

    def _prepare(self, statement: Statement) -> None:
        self._cursor.execute(f"SELECT 1 FROM pg_prepared_statements WHERE name = '{statement.name}'")
        if self._cursor.fetchone():
            self._cursor.execute(f"DEALLOCATE {statement.name}")
        self._cursor.execute(statement.prepare)
        self._prepared[statement.name] = statement.execute


class PreparedPool:
    """A fixed number of prepared connections; about 8 in all are best on 2 cores, more is slower."""

    def __init__(self, dsn: str, size: int, name: str, own: Mapping[str, str] | None = None) -> None:
        self._dsn = dsn
        self._name = name
        self._settings = {**PREPARED_SETTINGS, **(own or {})}
        self._slots = BoundedSemaphore(size)
        self._idle: list[PreparedConnection] = []
        self._open: WeakSet[PreparedConnection] = WeakSet()
        self._refused = ""
        self._refused_at = -REFUSAL_SECONDS

    def run(self, statement: Statement, args: Sequence[Any]) -> list[Row]:
        """Run one statement on a free connection; raises ServiceUnavailable if none is free within 2 s."""
        if not self._slots.acquire(timeout=POOL_WAIT_SECONDS):
            raise ServiceUnavailable("All database connections are busy.")
        connection = None
        try:
            connection = self._whole_one() or self._new_one()
            rows = self._execute(connection, statement, args)
        except psycopg2.Error as error:
            if (error.pgcode or "")[:2] in REFUSALS:
                self._refused, self._refused_at = str(error).strip(), clock.monotonic()
            raise
        finally:
            self._give_back(connection)
        self._refused = ""
        return rows

    def _execute(self, connection: PreparedConnection, statement: Statement, args: Sequence[Any]) -> list[Row]:
        return connection.run(statement, args)

    def _give_back(self, connection: PreparedConnection | None) -> None:
        if connection is not None and connection.broken:
            # A closed connection usually means that all others are closed too (a restart, a failover).
            self.close()
        elif connection is not None:
            self._idle.append(connection)
        self._slots.release()

    def refusal(self) -> str | None:
        """Why the server recently refused to work, or None; a check for /readyz."""
        recent = clock.monotonic() - self._refused_at < REFUSAL_SECONDS
        return self._refused if self._refused and recent else None

    def backends(self) -> set[int]:
        """The server's processes behind the open connections."""
        return {one.backend for one in self._open if not one.broken}

    def _new_one(self) -> PreparedConnection:
        connection = PreparedConnection(self._dsn, self._name, self._settings)
        self._open.add(connection)
        return connection

    def _whole_one(self) -> PreparedConnection | None:
        """An idle connection, if there is one that is still open; checking costs 2 us, a failed request more."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.cut:
                return connection
            connection.close()
        return None

    def close(self) -> None:
        """Close the idle connections; those in use are closed when they are returned."""
        while self._idle:
            self._idle.pop().close()


def install_wait_callback() -> None:
    """Make every psycopg2 connection of this process wait on the gevent loop; to be called before the first connect.

    libpq is C and cannot be patched; it asks this callback to wait.
    """
    psycopg2.extensions.set_wait_callback(_wait)


def _wait(connection: psycopg2.extensions.connection) -> None:
    while True:
        state = connection.poll()
        if state == POLL_OK:
            return
        if state == POLL_READ:
            # libpq reads 16 KB per poll(). Returning to the loop for every piece made a batch's result take 105 ms
            # instead of 18 under load: drain what the socket already has.
            if not _readable_now(connection.fileno()):
                wait_read(connection.fileno())
        elif state == POLL_WRITE:
            wait_write(connection.fileno())
        else:
            raise psycopg2.OperationalError(f"unexpected answer {state} from poll()")


def _readable_now(fileno: int) -> bool:
    """Whether this file is readable, without going through the loop."""
    poll = _poll_now()
    poll.register(fileno, select.POLLIN)
    return bool(poll.poll(0))
