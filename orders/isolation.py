"""Changes that no batch can take are tried in isolation: locked orders, and whatever made a batch fail.

One connection of its own does it, with the statement that waits for no row. So a locked order delays only its own
clients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import gevent
import psycopg2

from foundation import clock
from foundation.connections import is_unavailable, outcome_unknown
from foundation.errors import AppError, ServiceUnavailable
from foundation.logs import get_logger
from orders.errors import OrderLocked
from orders.fair_queue import FairQueue, Waiting

log = get_logger(__name__)

PATIENCE_SECONDS = 2.0
"""How long a change waits for an order that another session has locked."""

LOOK_SECONDS = 0.02
"""Interval between checks whether a locked order is free."""

HELD_SECONDS = 2.0
"""For this long after it was found locked, or had a statement cancelled, an order is changed here and in no batch."""

WAITED = ("40", "55")
"""Classes of SQLSTATE with which a statement stopped waiting for others, with nothing changed."""

Send = Callable[[Sequence[Waiting]], list[Waiting]]
"""Sends these in one statement, gives each the row that it returned, and returns those whose orders were locked."""


def goes_apart(error: Exception) -> bool:
    """Whether a batch that failed this way was not committed, and perhaps failed because of one of its changes."""
    return not (isinstance(error, AppError) or outcome_unknown(error) or is_unavailable(error))


def gave_up_waiting(error: Exception) -> bool:
    """Whether the cause was a lock."""
    return isinstance(error, psycopg2.Error) and (error.pgcode or "").startswith(WAITED)


class Apart:
    """The isolated changes of one process; a greenlet works as long as there are some."""

    def __init__(self, send: Send, most: int) -> None:
        self._send = send
        self._most = most
        self._queue = FairQueue()
        self._works = False
        self.held: dict[int, float] = {}
        """Orders that batches have to leave out, and until when."""

    def holds(self, order_id: int) -> bool:
        """Whether changes of this order belong here."""
        return clock.monotonic() < self.held.get(order_id, 0.0)

    def hold(self, one: Waiting) -> None:
        """Have changes of its order come here for a while."""
        self.held[one.change["order_id"]] = clock.monotonic() + HELD_SECONDS

    def release(self) -> None:
        """Let batches take what has been held long enough: as long as any order is held, each change looks here."""
        now = clock.monotonic()
        self.held = {order_id: until for order_id, until in self.held.items() if until > now}

    def add(self, one: Waiting) -> None:
        """Try it here from now on; its event is set when it is made, refused or abandoned."""
        one.apart, one.since = True, clock.monotonic()
        self._queue.add(one)
        if not self._works:
            self._works = True
            gevent.spawn(self._work)

    def remove(self, one: Waiting) -> None:
        """Its request has ended."""
        self._queue.remove(one)

    def _work(self) -> None:
        try:
            while self._queue:
                if not self._try_some():
                    gevent.sleep(LOOK_SECONDS)
                self._give_up()
        finally:
            self._works = False

    def _try_some(self) -> bool:
        """Send what can be sent together; returns whether any of it was decided."""
        batch = self._queue.batch(self._queue.pop(), self._most)
        try:
            locked = self._send(batch)
        except Exception as error:
            return self._failed(batch, error)
        except BaseException:
            self._end(batch, psycopg2.OperationalError("the statement was given up while it was under way"))
            raise
        for one in locked:
            self.hold(one)
            self._keep(one)
        self._end([one for one in batch if one not in locked])
        return len(locked) < len(batch)

    def _failed(self, batch: list[Waiting], error: Exception) -> bool:
        if len(batch) > 1 and goes_apart(error):
            log.warning(
                "group_commit.batch_failed",
                "Group commit failed; each change is retried on its own",
                changes=len(batch),
                exc_info=error,
            )
            for one in batch:
                one.alone = True
                self._queue.add(one)
            return True
        if gave_up_waiting(error):  # not for a row: for a table, or for another use of the same key
            self._keep(batch[0])
            return False
        if isinstance(error, psycopg2.errors.QueryCanceled):
            self.hold(batch[0])
        self._end(batch, error)
        return True

    def _keep(self, one: Waiting) -> None:
        """It is locked, and is tried again."""
        one.error = OrderLocked()
        self._queue.add(one)

    def _give_up(self) -> None:
        """Answer those that have waited long enough."""
        now = clock.monotonic()
        for one in [one for one in self._queue if now - one.since > PATIENCE_SECONDS]:
            self._queue.remove(one)
            self._end([one], one.error or ServiceUnavailable("The database is busy. Nothing was changed."))

    def _end(self, batch: Sequence[Waiting], error: Exception | None = None) -> None:
        for one in batch:
            one.error = error
            one.event.set()
