"""Listens on its own connection for the log's growth.

PostgreSQL notifies only current listeners, and a listener with a half-open connection receives nothing and notices
nothing. So a notification is only a hint, and the connection is tested whenever it was silent for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import gevent
import psycopg2
import psycopg2.extensions
from gevent.socket import wait_read

from foundation.connections import connect
from foundation.logs import FailureLog
from realtime.log import WAKE_CHANNEL

SILENCE_SECONDS = 3.0
"""After this long without a notification, the connection is tested."""

TEST_SECONDS = 3.0
RECONNECT_SECONDS = 0.5


class WakeUps:
    """Reports the newest number with each notification of another process."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self.own_backends: Callable[[], Collection[int]] = lambda: ()
        """The server processes through which this process appends: what they notify of is handed to the feed directly,
        and the notification may come first."""

        self._failures = FailureLog(
            failed=("wakeups.failed", "LISTEN connection failed; new live events are found by polling"),
            recovered=("wakeups.recovered", "LISTEN connection works again"),
        )
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def start(self, notify: Callable[[int], None]) -> None:
        self._greenlet = gevent.spawn(self._listen, notify)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill(timeout=1)
            self._greenlet = None

    def _listen(self, notify: Callable[[int], None]) -> None:
        while True:
            try:
                self._wait(notify)
            except (psycopg2.Error, OSError) as error:
                self._failures.failed(error)
            gevent.sleep(RECONNECT_SECONDS)

    def _wait(self, notify: Callable[[int], None]) -> None:
        connection = connect(self._dsn, "feed")
        try:
            _ask(connection, f"LISTEN {WAKE_CHANNEL}")
            self._failures.recovered()
            while not connection.closed:
                try:
                    wait_read(connection.fileno(), timeout=SILENCE_SECONDS)
                except TimeoutError:
                    _ask(connection, "SELECT 1")
                connection.poll()
                own = self.own_backends()
                numbers = [int(notice.payload or 0) for notice in connection.notifies if notice.pid not in own]
                connection.notifies.clear()
                if numbers:
                    notify(max(numbers))
        finally:
            connection.close()


def _ask(connection: psycopg2.extensions.connection, statement: str) -> None:
    with gevent.Timeout(TEST_SECONDS, psycopg2.OperationalError("the connection carries nothing any more")):
        connection.cursor().execute(statement)
