"""Entries of batches that took too long: split into ever smaller groups until the one at fault stands alone.

The cause is unknown: somebody may hold a lock on one row, or an effect of one order may never end. Retried as a whole
they would block all others for ever; so they are set aside, retried in halves between other batches, and the orders of
those that fail alone are tried separately for a while.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Self

from outbox.entries import OutboxEntry

ALONE_SECONDS = (0.25, 1.0)
"""Pauses before the second and third attempt of a single entry that took too long: a lock is mostly released by
then."""

APART_SECONDS = 30.0
"""How long further entries of an order that failed alone are kept out of other batches."""

Key = tuple[str, int]


@dataclass(order=True)
class SuspectGroup:
    """Entries that are tried together; a group that is `alone` has those of a single order."""

    due: float
    number: int
    entries: list[OutboxEntry] = field(compare=False)
    tries: int = field(default=0, compare=False)
    """How often it failed alone."""

    @classmethod
    def of(cls, batch: Sequence[OutboxEntry]) -> Self:
        """Entries that have not been tried yet."""
        return cls(0.0, 0, list(batch))

    @property
    def alone(self) -> bool:
        """Whether it cannot be halved."""
        return len({key_of(one) for one in self.entries}) == 1


def key_of(entry: OutboxEntry) -> Key:
    """The order, or another subject of the entry: entries of one are done together."""
    return entry.event_type.name, entry.order_id


class Suspects:
    """Holds groups until their time. Times are seconds of a monotonic clock."""

    def __init__(self, held: Collection[OutboxEntry]) -> None:
        """`held`: the entries that are not done yet and still need work."""
        self._held = held
        self.count = 0
        """How many entries are set aside."""

        self._groups: list[SuspectGroup] = []
        self._apart: dict[Key, float] = {}
        self._number = 0

    def sort_out(self, batch: Sequence[OutboxEntry], now: float) -> list[OutboxEntry]:
        """Those of a batch that may be tried together; entries of orders that failed alone are set aside."""
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

    def wait(self, group: SuspectGroup, seconds: float, now: float) -> None:
        """Have a group that failed alone tried once more after this many seconds."""
        self._apart[key_of(group.entries[0])] = now + APART_SECONDS
        self._push([one for one in group.entries if one in self._held], now + seconds, group.tries + 1)

    def due_in(self, now: float) -> float | None:
        """Seconds until the next group is due; None if there is none."""
        return max(0.0, self._groups[0].due - now) if self._groups else None

    def take(self, now: float) -> SuspectGroup | None:
        """The group that is due."""
        if not self._groups or self._groups[0].due > now:
            return None
        group = heapq.heappop(self._groups)
        self.count -= len(group.entries)
        return group

    def clear(self) -> None:
        """Drop them."""
        self._groups.clear()
        self._apart.clear()
        self.count = 0

    def _push(self, entries: list[OutboxEntry], due: float, tries: int = 0) -> None:
        self._number += 1
        self.count += len(entries)
        if entries:
            heapq.heappush(self._groups, SuspectGroup(due, self._number, entries, tries))
