"""The newest events of this process, which serve almost every reconnect without the database."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from operator import itemgetter

from foundation.connections import Row
from realtime.channel_index import ALL

RING_EVENTS = 10_000
"""About 5 MB, and at 100 events a second the last 100 seconds: longer than any reconnect storm."""

RING_BYTES = 16 * 1024 * 1024
"""Limit for large events."""

SEQ = itemgetter(0)


class RecentEvents:
    """Everything after `start`, by channel."""

    def __init__(self, start: int = 0, events: int = RING_EVENTS, size: int = RING_BYTES) -> None:
        self.start = start
        """All events above this number that were published here are still held."""

        self._most_events, self._most_bytes = events, size
        self._order: deque[tuple[int, str]] = deque()
        self._by_channel: dict[str, list[Row]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._order)

    def append(self, rows: Iterable[Row]) -> None:
        """Add events that follow those already here: ascending (seq, channel, type, data)."""
        for row in rows:
            seq, channel, _, data = row
            self._order.append((seq, channel))
            self._by_channel.setdefault(channel, []).append(row)
            self._bytes += len(data)
        while len(self._order) > self._most_events or self._bytes > self._most_bytes:
            self._forget_oldest()

    def after(self, channels: Iterable[str], seq: int) -> list[Row]:
        """The events of these channels above `seq`, in order."""
        found: list[Row] = []
        several = False
        for channel in self._named(channels):
            events = self._by_channel.get(channel)
            if events and SEQ(events[-1]) > seq:
                several = bool(found)
                found += events[bisect_right(events, seq, key=SEQ) :]
        return sorted(found, key=SEQ) if several else found

    def _named(self, channels: Iterable[str]) -> Iterator[str]:
        for channel in channels:
            if channel.endswith(ALL):
                yield from (one for one in self._by_channel if one.startswith(channel.removesuffix(ALL)))
            else:
                yield channel

    def _forget_oldest(self) -> None:
        self.start, channel = self._order.popleft()
        events = self._by_channel[channel]
        self._bytes -= len(events[0][3])
        del events[0]
        if not events:
            del self._by_channel[channel]
