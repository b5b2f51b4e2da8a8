"""Write down what came of attempts: outcomes that come while a statement is under way leave together in the next one.

Between a destination's yes and our commit lies the moment in which a crash has it called once more. Sixteen outcomes
in single file over one connection made that moment 30 ms long, and every kill sent four mails again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import gevent
import psycopg2
from gevent.lock import BoundedSemaphore

from foundation.connections import PreparedPool, passing
from foundation.errors import ServiceUnavailable
from side_effects.rows import RECORD

INSIST_SECONDS = 0.25
"""How long to wait before the next try while the database is away."""


@dataclass(eq=False)
class Recorded:
    """What is to be written down of one attempt, in the order of the statement's parameters."""

    id: int
    attempt: int
    """Its number; it is the fence."""

    spent: int
    """How many attempts have been spent now."""

    status: str
    delay: float
    error: str
    fingerprint: str
    kept: bool | None = None
    """Whether it was written; not so where the lease was lost meanwhile. None as long as nobody has tried."""


class Recorder:
    """One process's pen."""

    def __init__(self, pool: PreparedPool) -> None:
        self._pool = pool
        self._waiting: list[Recorded] = []
        self._turn = BoundedSemaphore()

    def record(self, mine: Recorded) -> bool:
        """Write it down, however long the database is away: forgotten, it would happen again. False where the lease
        was lost: then nothing has changed."""
        self._waiting.append(mine)
        with self._turn:
            if mine.kept is None:
                others = [one for one in self._waiting if one is not mine]
                self._waiting = []
                try:
                    self._write([mine, *others])
                except psycopg2.Error:
                    # One of them may have been the reason; each of the others comes to its own turn.
                    self._write([mine])
        return bool(mine.kept)

    def _write(self, batch: Sequence[Recorded]) -> None:
        batch = sorted(batch, key=lambda one: one.id)  # so that no two processes lock the same rows crosswise
        lines = [(o.id, o.attempt, o.spent, o.status, o.delay, o.error, o.fingerprint) for o in batch]
        args = [list(column) for column in zip(*lines, strict=True)]
        while True:
            try:
                written = {id for (id,) in self._pool.run(RECORD, args)}
                break
            except (psycopg2.Error, ServiceUnavailable) as error:
                if not passing(error):
                    raise
                gevent.sleep(INSIST_SECONDS)
        for one in batch:
            one.kept = one.id in written
