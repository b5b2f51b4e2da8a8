"""Group commit: changes that arrive while a statement is in progress are sent together in the next one.

A change that finds no queue is sent at once, by the request's own greenlet. Under load the database gets one statement
for many changes, which costs it a fifth of the work (50 us of its time for each of 16, 230 us for one alone). A change
that makes a batch fail costs the others one failed statement: all of it continues in isolation, in orders/isolation.py,
and after a lock conflict the statement checks for locks for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import gevent
import orjson
import psycopg2

from foundation import clock
from foundation.connections import PreparedPool, Row, Statement
from orders.change_sql import Form
from orders.fair_queue import FairQueue, Waiting
from orders.isolation import Apart, gave_up_waiting, goes_apart
from side_effects.liveness import Liveness

IN_FLIGHT = 2
"""Statements in progress at a time: while one is at the database, the next is being read or prepared here. Beside other
processes it is one, since theirs keep the database at work: with more, each statement has fewer changes."""

BATCH_LIMIT = 64
"""Changes in one statement, so that nobody waits for a crowd."""

LOCK_SETTING = {"lock_timeout": "50ms"}
"""Far longer than another batch holds an order, and less than anybody notices."""

LOOKING_SECONDS = 2.0
"""For this long after a batch has met a locked order, batches take only what is free."""

RARE = ("corrects", "silent", "hold")
"""What a change has if it is a correction, as an undo is too, silent, or held."""


def pools(dsn: str, size: int) -> tuple[PreparedPool, PreparedPool]:
    """The connections of batches, and the one for isolated changes."""
    return PreparedPool(dsn, size, "hot", LOCK_SETTING), PreparedPool(dsn, 1, "apart", LOCK_SETTING)


class GroupCommit:
    """Runs the statement that takes a JSON array of changes; each request calls it as if it were alone."""

    def __init__(
        self,
        pool: PreparedPool,
        own: PreparedPool,
        form: Callable[[Form], Statement],
        process: Liveness,
        in_flight: int = IN_FLIGHT,
    ) -> None:
        """`process` has the number under which the entries are born leased."""
        self._pool = pool
        self._own = own
        self._form = form
        self._process = process
        self._waiting = FairQueue()
        self._looking_until = 0.0
        self.apart = Apart(self._send_apart, BATCH_LIMIT)
        self.places = in_flight
        """How many further statements may be in progress."""

    def run(self, change: Mapping[str, Any]) -> list[Row]:
        """Commit one change; returns its row, or none. Raises what the statement would raise for it alone, and
        OrderLocked."""
        mine = Waiting(change)
        if self.apart.held and self.apart.holds(change["order_id"]):
            self.apart.add(mine)
        elif self.places:
            self.places -= 1
            self._lead(mine)
        else:
            self._waiting.add(mine)
            self._wait(mine)
            if mine.leads:
                self._lead(mine)
        if mine.apart:
            self._wait(mine)
        if mine.error is not None:
            raise mine.error
        return mine.rows

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Let what is started meanwhile go together: PostgreSQL may answer the first before the second runs."""
        taken, self.places = self.places, 0
        try:
            yield
            gevent.sleep(0)
        finally:
            for _ in range(taken):
                self._hand_on()

    def _wait(self, mine: Waiting) -> None:
        """Wait until the change was made or refused, or leads the next batch."""
        try:
            mine.event.wait()
        except BaseException:
            # The request has ended; the slot it was given goes to the next.
            if mine.leads and not mine.apart:
                self._hand_on()
            else:
                (self.apart if mine.apart else self._waiting).remove(mine)
            raise

    def _lead(self, first: Waiting) -> None:
        """Send this one with the waiting ones, answer all of them, and pass the slot on to the next one waiting."""
        if first.leads:
            first.event.clear()  # which was chosen to lead, and will get the result
        if self.apart.held:
            self._let_aside()
        batch = self._waiting.batch(first, BATCH_LIMIT) if self._waiting.turns else [first]
        try:
            for one in self._send(batch):
                self.apart.hold(one)
                self.apart.add(one)
        except Exception as error:
            self._failed(batch, error)
        except BaseException:
            self._fail(batch, psycopg2.OperationalError("the statement was given up while it was under way"))
            raise
        finally:
            for one in batch:
                if not one.apart:
                    one.event.set()
            self._hand_on()

    def _let_aside(self) -> None:
        """Those that wait for an order that was meanwhile found locked."""
        self.apart.release()
        for one in [one for one in self._waiting if self.apart.holds(one.change["order_id"])]:
            self._waiting.remove(one)
            self.apart.add(one)

    def _failed(self, batch: list[Waiting], error: Exception) -> None:
        """A single change gets the error, unless it only has to wait; among several the cause is unknown."""
        if gave_up_waiting(error):
            self._looking_until = clock.monotonic() + LOOKING_SECONDS
        if goes_apart(error) and (len(batch) > 1 or gave_up_waiting(error)):
            for one in batch:
                self.apart.add(one)
        else:
            self._fail(batch, error)

    def _fail(self, batch: list[Waiting], error: Exception) -> None:
        for one in batch:
            one.error = error

    def _hand_on(self) -> None:
        """Pass the slot on to the next one waiting, which leaves the queue with it."""
        if not self._waiting.turns:
            self.places += 1
            return
        following = self._waiting.pop()
        following.leads = True
        following.event.set()

    def _send(self, batch: Sequence[Waiting]) -> list[Waiting]:
        return self._run(self._pool, batch, free=clock.monotonic() < self._looking_until)

    def _send_apart(self, batch: Sequence[Waiting]) -> list[Waiting]:
        return self._run(self._own, batch, free=True)

    def _run(self, pool: PreparedPool, batch: Sequence[Waiting], free: bool) -> list[Waiting]:
        """Give each change its returned row; returns those whose orders were locked."""
        changes = [{"place": place, **one.change} for place, one in enumerate(batch)]
        rare = any(name in one for one in changes for name in RARE)
        reasons, parcel = (any(name in one for one in changes) for name in ("reason", "tracking"))
        undo = rare and any("undoes" in one for one in changes)
        form = Form(reasons, free, rare, parcel, undo)
        args = orjson.dumps(changes).decode(), self._process.number
        locked = []
        for place, *row in pool.run(self._form(form), args):
            if row[2] is None:
                locked.append(batch[place])
            else:
                batch[place].rows.append(tuple(row))
        return locked
