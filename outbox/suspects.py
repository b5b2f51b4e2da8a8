"""Entries of batches that took too long: in ever smaller groups until the one that is to blame stands alone.

What is wrong with them nobody knows: somebody may hold a lock on one row, or an effect of one order may take for ever.
Tried again as a whole they would keep all others waiting for ever; so they stand aside, are tried in halves between
the batches of the others, and the orders of those that fail alone are tried apart for a while.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Self

from outbox.entries import OutboxEntry

ALONE_SECONDS = (0.25, 1.0)
"""Pauses before the second and third try of what took too long by itself: a lock that somebody else holds is mostly
gone by then."""

APART_SECONDS = 30.0
"""How long further entries of an order that failed alone are kept out of the batches of the others."""

Key = tuple[str, int]


@dataclass(order=True)
class Group:
    """Entries that are tried together; one that is `alone` holds those of a single order."""

    due: float
    number: int
    entries: list[OutboxEntry] = field(compare=False)
    tries: int = field(default=0, compare=False)
    """How often it failed alone."""

    @classmethod
    def of(cls, batch: Sequence[OutboxEntry]) -> Self:
        """These entries, that nobody has tried yet."""
        return cls(0.0, 0, list(batch))

    @property
    def alone(self) -> bool:
        """Whether it cannot be halved."""
        return len({key_of(one) for one in self.entries}) == 1


def key_of(entry: OutboxEntry) -> Key:
    """The order, or whatever else the entry speaks of: entries of one are done together."""
    return entry.event_type.name, entry.order_id


class Suspects:
    """Keeps them until it is their turn. Moments are seconds of a clock that never goes back."""

    def __init__(self, held: Collection[OutboxEntry]) -> None:
        """`held`: the entries that are not done yet, for which somebody still has to do something."""
        self._held = held
        self.count = 0
        """How many entries stand aside."""

        self._groups: list[Group] = []
        self._apart: dict[Key, float] = {}
        self._number = 0

    def sort_out(self, batch: Sequence[OutboxEntry], now: float) -> list[OutboxEntry]:
        """Those of a batch that may be tried together; the entries of orders that failed alone are kept apart."""
        if not self._apart:
            return list(batch)
        self._apart = {key: until for key, until in self._apart.items() if until > now}
        apart: dict[Key, list[OutboxEntry]] = {}
        for one in batch:
            if key_of(one) in self._apart:
                apart.setdefault(key_of(one), []).append(one)
        for key, entries in apart.items():
            known = next((group for group in self._groups if group.alone and key_of(group.entries[0]) == key), None)
            if known:
                known.entries += entries
                self.count += len(entries)
            else:
                self._push(entries, now)
        return [one for one in batch if key_of(one) not in apart]

    def halve(self, batch: Sequence[OutboxEntry], now: float) -> None:
        """Have these tried again in two halves, the entries of one order together."""
        entries = sorted(batch, key=lambda one: (key_of(one), one.id))
        keys = sorted({key_of(one) for one in entries})
        middle = keys[len(keys) // 2]
        self._push([one for one in entries if key_of(one) < middle], now)
        self._push([one for one in entries if key_of(one) >= middle], now)

    def wait(self, group: Group, seconds: float, now: float) -> None:
        """Have a group that failed alone tried once more after this many seconds."""
        self._apart[key_of(group.entries[0])] = now + APART_SECONDS
        self._push([one for one in group.entries if one in self._held], now + seconds, group.tries + 1)

    def due_in(self, now: float) -> float | None:
        """Seconds until the next group's turn; None while there is none."""
        return max(0.0, self._groups[0].due - now) if self._groups else None

    def take(self, now: float) -> Group | None:
        """The group whose turn it is."""
        if not self._groups or self._groups[0].due > now:
            return None
        group = heapq.heappop(self._groups)
        self.count -= len(group.entries)
        return group

    def clear(self) -> None:
        """Forget them."""
        self._groups.clear()
        self._apart.clear()
        self.count = 0

    def _push(self, entries: list[OutboxEntry], due: float, tries: int = 0) -> None:
        self._number += 1
        self.count += len(entries)
        if entries:
            heapq.heappush(self._groups, Group(due, self._number, entries, tries))
