"""The live-stream stack without a database, for tests of its streams and of their heartbeats."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import gevent
import psycopg2

from foundation.connections import Row
from realtime.feed import Feed
from realtime.heartbeats import Heartbeats
from realtime.hub import Hub
from realtime.limits import StreamLimits
from realtime.log import END, PAGE, EventLog, LogState
from realtime.replay import Replays
from realtime.stream import Opening, Streams
from realtime.subscriber import Listener
from realtime.wakeups import WakeUps
from tests.unit.listening import parse, rows

Who = tuple[str, tuple[str, ...]]

ALICE = ("buyer:1", ("buyer:1",))


class FakeLog(EventLog):
    """Holds events 101 to 200, and what is above."""

    def __init__(self) -> None:
        self.rows, self.away, self.inside, self.most_inside = rows(*range(101, 201)), False, 0, 0

    def state(self) -> LogState:
        if self.away:
            raise psycopg2.OperationalError("away")
        return LogState(7, 100, self.rows[-1][0])

    def between(self, seq: int, through: int = END) -> list[Row]:
        return [row for row in self.rows if seq < row[0] <= through][:PAGE]

    def replay(self, channels: Sequence[str], seq: int, through: int) -> list[Row]:
        if self.away:
            raise psycopg2.OperationalError("away")
        self.inside += 1
        self.most_inside = max(self.most_inside, self.inside)
        gevent.sleep(0)
        self.inside -= 1
        return [row for row in self.rows if seq < row[0] <= through and row[1] in channels][:PAGE]


class NoWakeUps(WakeUps):
    """The log is polled."""

    def __init__(self) -> None:
        pass

    def start(self, tell: Callable[[int], None]) -> None:
        pass

    def stop(self) -> None:
        pass


class LiveStack:
    """The stack without a database."""

    def __init__(
        self,
        way: str,
        in_all: int = 100,
        per_person: int = 6,
        iterated: int = 100,
        followed: bool = True,
        per_address: int = 100,
    ) -> None:
        self.way, self.log, self.hub = way, FakeLog(), Hub()
        self.feed = Feed(self.log, self.hub, NoWakeUps(), lambda: None)
        if followed:
            self.feed.look()
        self.replays = Replays(self.feed, self.log)
        limits = StreamLimits(self.hub, in_all, per_person, iterated, per_address)
        self.streams = Streams(self.hub, self.feed, self.replays, limits, self, "test")
        self.rights_version, self.lost = 0, set[str]()
        self.heartbeats = Heartbeats(self.hub, self)

    def rights_lost(self, names: Collection[str]) -> Collection[str]:
        return self.lost & set(names)

    def open(self, cursor: str = "", who: Who = ALICE, **more: Any) -> Opening | None:
        return self.streams.open(Listener(*who, cursor, **more), self.way == "socket")

    def first(self, cursor: str = "", who: Who = ALICE) -> list[dict[str, str]]:
        """What a stream begins with."""
        opening = self.open(cursor, who)
        assert opening is not None
        return parse(b"".join(opening.first()))
