"""Waiting changes, taken round-robin over the principals, so that nobody waits for another's thousand."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gevent.event import Event

from foundation.connections import Row

Who = tuple[str, int]


@dataclass(slots=True, eq=False)
class Waiting:
    """One change and the request that waits for it."""

    change: Mapping[str, Any]
    rows: list[Row] = field(default_factory=list)
    error: Exception | None = None
    leads: bool = False
    """Whether it is its turn to send the next batch."""

    apart: bool = False
    """Whether it went where it is tried apart from the others."""

    alone: bool = False
    """Whether no other may be in one statement with it."""

    since: float = 0.0
    """When it went apart."""

    event: Event = field(default_factory=Event)

    @property
    def who(self) -> Who:
        return self.change["actor_role"], self.change["actor_id"]


class FairQueue:
    """First in, first out for each principal, and round-robin over all principals."""

    def __init__(self) -> None:
        self._of: dict[Who, deque[Waiting]] = {}
        self.turns: deque[Who] = deque()
        """Whose turn it is, in this order; empty when nobody waits."""

    def __bool__(self) -> bool:
        return bool(self.turns)

    def __len__(self) -> int:
        return sum(map(len, self._of.values()))

    def __iter__(self) -> Iterator[Waiting]:
        for queue in self._of.values():
            yield from queue

    def add(self, one: Waiting) -> None:
        """Add it behind its principal's earlier changes."""
        self._queue(one.who).append(one)

    def pop(self) -> Waiting:
        """The next change of the principal whose turn it is."""
        who = self.turns.popleft()
        queue = self._of[who]
        one = queue.popleft()
        if queue:
            self.turns.append(who)
        else:
            del self._of[who]
        return one

    def remove(self, one: Waiting) -> None:
        """Remove it, if it is here."""
        queue = self._of.get(one.who)
        if queue is None or one not in queue:
            return
        queue.remove(one)
        if not queue:
            del self._of[one.who]
            self.turns.remove(one.who)

    def batch(self, first: Waiting, most: int) -> list[Waiting]:
        """`first` with the changes that fit into one statement with it, up to a limit, ordered by order id.

        Each order occurs at most once, since one statement changes a row once, and so does each client's key; ordered
        by id, so that no two batches lock the same orders in opposite order.
        """
        if first.alone or not self.turns:
            return [first]
        batch = {first.change["order_id"]: first}
        keys = {_key(first)} if "keyed" in first.change else set()
        behind = []
        while self.turns and len(batch) < most:
            who = self.turns.popleft()  # as pop does; here every call counts
            queue = self._of[who]
            one = queue.popleft()
            if queue:
                self.turns.append(who)
            else:
                del self._of[who]
            keyed = "keyed" in one.change
            if one.alone or one.change["order_id"] in batch or (keyed and _key(one) in keys):
                behind.append(one)
                continue
            batch[one.change["order_id"]] = one
            if keyed:
                keys.add(_key(one))
        for one in reversed(behind):
            self._queue(one.who).appendleft(one)
        return [batch[order_id] for order_id in sorted(batch)]

    def _queue(self, who: Who) -> deque[Waiting]:
        queue = self._of.get(who)
        if queue is None:
            queue = self._of[who] = deque()
            self.turns.append(who)
        return queue


def _key(one: Waiting) -> tuple[Who, str]:
    return one.who, one.change["key"]
