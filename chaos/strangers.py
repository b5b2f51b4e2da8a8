"""S4: whatever is requested, with whichever cursor, nothing of another principal is returned."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection
from itertools import islice
from typing import Any

import gevent
import orjson
from gevent.pool import Pool

from access.principal import Role
from chaos.database import Server
from chaos.report import Report
from chaos.wire import frames
from chaos.world import SIDES, World

EVENTS_OF_A_CHANGE = 6
LISTENED = 200
"""Frames of a stream that a probe looks at."""

ROLES: tuple[Role, Role] = ("seller", "buyer")
NEWEST = "SELECT epoch || '.' || coalesce((SELECT max(seq) FROM live_events), 0) FROM realtime_log"
OWNERS = "SELECT id, seller_id, buyer_id FROM orders"


@dataclass
class Probes:
    """Who requested what, and what was returned that should not be."""

    world: World
    owners: dict[int, tuple[int, int]] = field(default_factory=dict)
    cursors: list[str] = field(default_factory=list)
    asked: int = 0
    events: int = 0
    foreign_rows: int = 0
    foreign_events: int = 0
    not_hidden: int = 0

    def probe(self) -> None:
        """A random principal tries everything once."""
        rng = self.world.report.rng
        role: Role = rng.choice(ROLES)
        who = rng.randint(1, SIDES)
        foreign = rng.choice([id for id, sides in self.owners.items() if sides[role == "buyer"] != who])
        self.asked += 1
        for path in (f"/api/orders/{foreign}", f"/api/orders/{foreign}/history", f"/api/orders/{foreign}/messages"):
            self.not_hidden += self._get(role, who, path)[0] != 404
        for side in ROLES:
            listed = self._get(role, who, f"/api/orders?limit=200&{side}_id={rng.randint(1, SIDES)}")[1]
            self.foreign_rows += sum(order[f"{role}_id"] != who for order in listed.get("orders", ()))
        self._catch_up(role, who, rng.choice(self.cursors))
        self._listen(role, who, rng.choice(self.cursors))

    def _catch_up(self, role: Role, who: int, cursor: str) -> None:
        page = self._get(role, who, f"/api/events?limit=500&after={cursor}")[1]
        self.events += len(page["events"])
        self.foreign_events += sum(one["channel"] != f"{role}:{who}" for one in page["events"])
        other = "seller" if role == "buyer" else "buyer"
        self.not_hidden += self._get(role, who, f"/api/events?channels={other}:{who}")[0] != 403

    def _listen(self, role: Role, who: int, cursor: str) -> None:
        for frame in islice(frames(self.world.service, role, who, cursor, seconds=0.5), LISTENED):
            about = frame.data.get("order") or frame.data.get("message") or frame.data.get("notification")
            if about is not None:
                order_id = about["id"] if "order" in frame.data else about["order_id"]
                self.events += 1
                self.foreign_events += self.owners[order_id][role == "buyer"] != who

    def _get(self, role: Role, who: int, path: str) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.world.service.token(role, who)}"}
        with closing(HTTPConnection("127.0.0.1", self.world.service.port, timeout=10)) as connection:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, orjson.loads(answer.read())


def strangers(server: Server, report: Report) -> None:
    """Every principal requests every other's data, while orders keep changing."""
    events, probes = report.either((2_000, 60), (100_000, 2_000))
    with World(server, report, mail=False) as world:
        load = world.load(events // EVENTS_OF_A_CHANGE + 1)
        found = Probes(world, {id: (seller, buyer) for id, seller, buyer in world.database.sql(OWNERS)})
        load.start(clients=8)
        load.wait_for(len(load.acknowledged) + 20)
        watch = gevent.spawn(_collect_cursors, world, found)
        while load.busy:
            _probe_together(found, 8)
        world.drain()
        watch.kill()
        while found.asked < probes:
            _probe_together(found, 8)
        report.tell("live events in the log", world.database.number("SELECT count(*) FROM live_events"))
        report.check("probes", found.asked, at_least=probes)
        report.check("of their own events that they got", found.events, at_least=1)
        report.check("foreign orders in lists", found.foreign_rows, at_most=0)
        report.check("foreign events, over stream and polling", found.foreign_events, at_most=0)
        report.check("foreign orders and channels that were not hidden", found.not_hidden, at_most=0)


def _collect_cursors(world: World, found: Probes) -> None:
    """Anybody's cursor is as good as one's own: they are numbers of the one log."""
    while True:
        found.cursors.append(str(world.database.sql(NEWEST)[0][0]))
        gevent.sleep(0.1)


def _probe_together(found: Probes, count: int) -> None:
    while not found.cursors:
        gevent.sleep(0.05)
    pool = Pool(count)
    for _ in range(count):
        pool.spawn(found.probe)
    pool.join(raise_error=True)
