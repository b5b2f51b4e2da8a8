"""Lookups that arrive while one is in progress are combined into the next statement.

A batch of 500 changes that are all refused looks up 500 reasons, and each lookup costs a round trip if it is made
alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

import gevent
import orjson
from gevent.event import AsyncResult

from foundation.connections import PreparedPool, Row, Statement

TOGETHER = 64
"""In one statement."""

Question = tuple[Mapping[str, Any], "AsyncResult[Row | None]"]


class Questions:
    """Runs one statement, which takes a JSON array of lookups, and returns a row for each or none."""

    def __init__(self, pool: PreparedPool, statement: Statement) -> None:
        self._pool = pool
        self._statement = statement
        self._waiting: deque[Question] = deque()
        self._works = False

    def ask(self, question: Mapping[str, Any]) -> Row | None:
        """The row for this lookup; raises what the statement raises."""
        answer: AsyncResult[Row | None] = AsyncResult()
        self._waiting.append((question, answer))
        if not self._works:
            self._works = True
            gevent.spawn(self._work)
        return answer.get()

    def _work(self) -> None:
        try:
            while self._waiting:
                self._ask([self._waiting.popleft() for _ in range(min(TOGETHER, len(self._waiting)))])
        finally:
            self._works = False

    def _ask(self, batch: list[Question]) -> None:
        asked = [{"place": place, **question} for place, (question, _) in enumerate(batch)]
        try:
            rows = self._pool.run(self._statement, (orjson.dumps(asked).decode(),))
        except Exception as error:
            for _, answer in batch:
                answer.set_exception(error)
            return
        found = {place: tuple(row) for place, *row in rows}
        for place, (_, answer) in enumerate(batch):
            answer.set(found.get(place))
