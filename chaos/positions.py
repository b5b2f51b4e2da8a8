"""R29: whatever is read, and then heard from the position that the read says, is the whole truth.

Readers take snapshots of their orders while these change: whole lists and single orders, from every worker. At the end
each snapshot is folded with the events behind its position, the higher version of an order winning, and compared with
the table. A sample opens a real stream at its position, through whichever worker, and reads there what it has missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from typing import Any

import gevent
import orjson

from access.principal import Role
from chaos.database import Server
from chaos.load import Order
from chaos.report import Report
from chaos.wire import frames
from chaos.world import World
from foundation import clock

Versions = dict[int, int]
"""The version of each order, by its id."""

Who = tuple[Role, int]

ROLES: tuple[Role, Role] = ("seller", "buyer")
CLIENTS = 8
READERS = 6
STREAM_SECONDS = 20.0
STREAMED = 40
"""Of this many snapshots, one is continued by a stream."""

TABLE = "SELECT id, version FROM orders WHERE {role}_id = %s"


@dataclass(frozen=True)
class Snapshot:
    """What somebody has read, and from where they go on."""

    who: Who
    seen: Versions
    whole: bool
    """Whether these are all orders that they had."""

    epoch: int
    seq: int

    @property
    def cursor(self) -> str:
        return f"{self.epoch}.{self.seq}"

    def part_of(self, table: Versions) -> Versions:
        """What has to be known in the end: all orders, or the one that was read."""
        return table if self.whole else {order: table[order] for order in self.seen}


@dataclass
class Trials:
    """Takes snapshots, and continues some of them."""

    world: World
    orders: Sequence[Order]
    taken: list[Snapshot] = field(default_factory=list)
    streamed: int = 0
    resyncs: int = 0
    holes_of_streams: int = 0
    tokens: dict[Who, str] = field(default_factory=dict, repr=False)

    def read(self, count: int) -> None:
        """Take snapshots until there are as many, all on one connection."""
        with closing(HTTPConnection("127.0.0.1", self.world.service.port, timeout=10)) as connection:
            while len(self.taken) < count:
                try:
                    self._take(connection)
                except (OSError, HTTPException):
                    connection.close()

    def _take(self, connection: HTTPConnection) -> None:
        rng = self.world.report.rng
        order, role, whole = rng.choice(self.orders), rng.choice(ROLES), rng.random() < 0.5
        who: Who = (role, order.seller if role == "seller" else order.buyer)
        if whole:
            orders, cursor = self._list(connection, who)
        else:
            answer, cursor = self._get(connection, who, f"/api/orders/{order.id}")
            orders = [answer]
        epoch, _, seq = cursor.partition(".")
        self.taken.append(Snapshot(who, {one["id"]: one["version"] for one in orders}, whole, int(epoch), int(seq)))
        if rng.random() < 1 / STREAMED:
            gevent.spawn(self._stream, self.taken[-1])

    def _list(self, connection: HTTPConnection, who: Who) -> tuple[list[Any], str]:
        """All orders of somebody, page by page; the position before the first page is that of the whole."""
        orders: list[Any] = []
        path, first = "/api/orders?limit=200", ""
        while path:
            page, cursor = self._get(connection, who, path)
            first, orders = first or cursor, orders + page["orders"]
            path = f"/api/orders?limit=200&cursor={page['next_cursor']}" if page["next_cursor"] else ""
        return orders, first

    def _get(self, connection: HTTPConnection, who: Who, path: str) -> tuple[Any, str]:
        if who not in self.tokens:
            self.tokens[who] = self.world.service.token(*who)
        connection.request("GET", path, headers={"Authorization": f"Bearer {self.tokens[who]}"})
        answer = connection.getresponse()
        return orjson.loads(answer.read()), answer.headers["Onward-Cursor"]

    def _stream(self, snapshot: Snapshot) -> None:
        """Go on from there until everything is heard that the table has now."""
        seen, wanted, cursor = (
            dict(snapshot.seen),
            snapshot.part_of(table_of(self.world, snapshot.who)),
            snapshot.cursor,
        )
        self.streamed += 1
        ends = clock.monotonic() + STREAM_SECONDS
        while _holes(seen, wanted) and clock.monotonic() < ends:
            # One that is closed, since its owner has opened too many others, is opened again.
            for frame in frames(self.world.service, *snapshot.who, cursor, seconds=5):
                self.resyncs += frame.type == "resync"
                cursor = frame.id or cursor
                _fold(seen, frame.data)
                if not _holes(seen, wanted):
                    break
        self.holes_of_streams += len(_holes(seen, wanted))


def table_of(world: World, who: Who) -> Versions:
    """Somebody's orders as they are now."""
    role, id = who
    return dict(world.database.sql(TABLE.format(role=role), id))


def _fold(seen: Versions, data: dict[str, Any]) -> None:
    """What every client does: keep the higher version."""
    if order := data.get("order"):
        seen[order["id"]] = max(seen.get(order["id"], 0), order["version"])


def _holes(seen: Versions, wanted: Versions) -> list[int]:
    return [order for order, version in wanted.items() if seen.get(order, 0) < version]


def _events(world: World, who: Who) -> list[tuple[int, dict[str, Any]]]:
    """Every event of somebody, as polling returns them."""
    found, after = [], ""
    headers = {"Authorization": f"Bearer {world.service.token(*who)}"}
    with closing(HTTPConnection("127.0.0.1", world.service.port, timeout=30)) as connection:
        while True:
            connection.request("GET", f"/api/events?limit=500&after={after}", headers=headers)
            page = orjson.loads(connection.getresponse().read())
            found += [
                (int(one["id"].partition(".")[2]), one["data"]) for one in page["events"] if "order" in one["data"]
            ]
            after = page["next_cursor"]
            if not page["more"]:
                return found


def positions(server: Server, report: Report) -> None:
    """Snapshots under load, each folded with what comes behind its position."""
    changes, per_second, trials = report.either((3_000, 0.0, 200), (30_000, 120.0, 10_000))
    with World(server, report, mail=False) as world:
        load = world.load(changes, per_second)
        found = Trials(world, list(load.orders))
        load.start(CLIENTS)
        readers = [gevent.spawn(found.read, trials) for _ in range(READERS)]
        gevent.joinall(readers, raise_error=True)
        busy = load.busy
        load.stop()
        world.drain()
        holes, beyond = _compare(world, found.taken)
        report.check("snapshots", len(found.taken), at_least=trials)
        report.check("of them taken while orders changed", float(busy), at_least=1)
        report.tell("changes meanwhile", len(load.acknowledged))
        report.check("orders that changed behind a snapshot", beyond, at_least=1)
        report.check("holes: orders that fold to less than the table", holes, at_most=0)
        report.check("snapshots continued by a stream", found.streamed, at_least=1)
        report.check("of them told to reload", found.resyncs, at_most=0)
        report.check("holes of streams", found.holes_of_streams, at_most=0)


def _compare(world: World, taken: list[Snapshot]) -> tuple[int, int]:
    """The holes of all snapshots, and how many orders had changed behind one."""
    holes = beyond = 0
    for who in {one.who for one in taken}:
        events, table = _events(world, who), table_of(world, who)
        for snapshot in (one for one in taken if one.who == who):
            wanted, seen = snapshot.part_of(table), dict(snapshot.seen)
            beyond += len(_holes(seen, wanted))
            for seq, data in events:
                if seq > snapshot.seq:
                    _fold(seen, data)
            holes += len(_holes(seen, wanted))
    return holes, beyond
