"""Group commit: changes that arrive while a statement is under way leave together in the next one.

A change that finds the way free is sent at once, by the request's own greenlet. Under load the database is asked once
for many changes, which costs it a fifth of the work (50 us of its time for each of 16, 230 us for one alone).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import psycopg2
from gevent.event import Event

from foundation.connections import PreparedPool, Row, Statement, outcome_unknown

IN_FLIGHT = 2
"""Statements under way at a time: while one is at the database, the next is being read or prepared here."""

BATCH_LIMIT = 64
"""Changes in one statement, so that nobody waits for a crowd."""


class Waiting:
    """One change and whoever waits for it."""

    __slots__ = ("alone", "change", "error", "event", "leads", "rows")

    def __init__(self, change: Mapping[str, Any]) -> None:
        self.change = change
        self.rows: list[Row] = []
        self.error: Exception | None = None
        self.alone = False  # whether it was the only one of its batch
        self.leads = False  # whether it is its turn to send the next batch
        self.event = Event()


class GroupCommit:
    """Runs the statement that takes a JSON array of changes; each request calls as if it were alone."""

    def __init__(
        self, pool: PreparedPool, statement: Statement, with_reasons: Statement, owner: Callable[[], int]
    ) -> None:
        self._pool = pool
        self._statement = statement
        self._with_reasons = with_reasons
        self._owner = owner
        self._waiting: deque[Waiting] = deque()
        self.places = IN_FLIGHT
        """How many further statements may be under way."""

    def run(self, change: Mapping[str, Any]) -> list[Row]:
        """Commit one change; the row it returned, or none. Raises what the statement would raise for it alone."""
        mine = Waiting(change)
        if self.places:
            self.places -= 1
            self._lead(mine)
        else:
            self._waiting.append(mine)
            self._wait(mine)
            if mine.leads:
                self._lead(mine)
        if mine.error is None:
            return mine.rows
        if mine.alone or not isinstance(mine.error, psycopg2.Error) or outcome_unknown(mine.error):
            raise mine.error
        # Nothing of the batch has happened, and one of the others may have been the reason.
        return [row[1:] for row in self._send([change])]

    def _wait(self, mine: Waiting) -> None:
        """Until the change was sent, or is the one that leads the next batch."""
        try:
            mine.event.wait()
        except BaseException:
            # Nobody reads its answer any more; the place that it was handed goes on to the next.
            if mine.leads:
                self._hand_on()
            elif mine in self._waiting:
                self._waiting.remove(mine)
            raise

    def _lead(self, first: Waiting) -> None:
        """Send this one with what waits, answer all of them, and hand the place on to the next that waits."""
        batch = self._batch(first)
        batch[0].alone = len(batch) == 1
        try:
            for place, *row in self._send([one.change for one in batch]):
                batch[place].rows.append(tuple(row))
        except Exception as error:
            self._fail(batch, error)
        except BaseException:
            self._fail(batch, psycopg2.OperationalError("the statement was given up while it was under way"))
            raise
        finally:
            for one in batch:
                one.event.set()
            self._hand_on()

    def _fail(self, batch: list[Waiting], error: Exception) -> None:
        for one in batch:
            one.error = error

    def _batch(self, first: Waiting) -> list[Waiting]:
        """Each order at most once, since one statement changes a row once, and by id, so that no two batches
        lock the same orders crosswise."""
        batch = {first.change["order_id"]: first}
        behind: list[Waiting] = []
        while self._waiting and len(batch) < BATCH_LIMIT:
            one = self._waiting.popleft()
            if batch.setdefault(one.change["order_id"], one) is not one:
                behind.append(one)
        self._waiting.extendleft(reversed(behind))
        return [batch[order_id] for order_id in sorted(batch)]

    def _hand_on(self) -> None:
        """Give the place among those under way to the next that waits, who leaves the queue with it."""
        if not self._waiting:
            self.places += 1
            return
        following = self._waiting.popleft()
        following.leads = True
        following.event.set()

    def _send(self, changes: list[Mapping[str, Any]]) -> list[Row]:
        numbered = [{"place": place, **change} for place, change in enumerate(changes)]
        statement = self._with_reasons if any("reason" in one for one in changes) else self._statement
        return self._pool.run(statement, (orjson.dumps(numbered).decode(), self._owner()))
