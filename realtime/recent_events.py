"""The newest rows of the log in this process, which serve almost every reconnect without the database."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from operator import itemgetter

from foundation.connections import Row
from realtime.channel_index import ALL
from realtime.packs import PIECES, SEQ, channels_of

RING_ROWS = 10_000
"""At 1.7 KB a change about as much as `RING_BYTES`, and at 1,000 changes a second the last 10 seconds."""

RING_BYTES = 16 * 1024 * 1024
"""Limit for large rows."""

NUMBER = itemgetter(SEQ)


class RecentEvents:
    """Every row after `start`, by channel."""

    def __init__(self, start: int = 0, most: int = RING_ROWS, size: int = RING_BYTES) -> None:
        self.start = start
        """All events above this number that were published here are still held."""

        self._most, self._most_bytes = most, size
        self._order: deque[Row] = deque()
        self._by_channel: dict[str, list[Row]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._order)

    def append(self, rows: Iterable[Row]) -> None:
        """Add rows of the log that follow those already here, ascending."""
        for row in rows:
            self._order.append(row)
            for channel in channels_of(row):
                self._by_channel.setdefault(channel, []).append(row)
            self._bytes += len(row[PIECES])
        while len(self._order) > self._most or self._bytes > self._most_bytes:
            self._forget_oldest()

    def after(self, channels: Iterable[str], seq: int) -> list[Row]:
        """The rows with events of these channels that end above `seq`, in order."""
        found: list[Row] = []
        several = False
        for channel in self._named(channels):
            rows = self._by_channel.get(channel)
            if rows and NUMBER(rows[-1]) > seq:
                several = bool(found)
                found += rows[bisect_right(rows, seq, key=NUMBER) :]
        # A pack of two of them was found twice.
        return sorted({NUMBER(row): row for row in found}.values(), key=NUMBER) if several else found

    def _named(self, channels: Iterable[str]) -> Iterator[str]:
        for channel in channels:
            if channel.endswith(ALL):
                yield from (one for one in self._by_channel if one.startswith(channel.removesuffix(ALL)))
            else:
                yield channel

    def _forget_oldest(self) -> None:
        oldest = self._order.popleft()
        self.start = NUMBER(oldest)
        self._bytes -= len(oldest[PIECES])
        for channel in channels_of(oldest):
            rows = self._by_channel[channel]
            del rows[0]
            if not rows:
                del self._by_channel[channel]
