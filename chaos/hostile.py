"""S6, S13: texts that try to break out of their frame, and streams whose owner loses access."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

import gevent
import orjson
from gevent.pool import Pool

from chaos.database import Server
from chaos.report import Report
from chaos.wire import Frame, connect, frames, read
from chaos.world import SIDES, World
from foundation import clock
from realtime.sse import CURSOR

BREAKS = ("\r", "\n", "\r\n", "\n\n", "\r\r")
FIELDS = ("data:", "data: x\n\n", "id: 9.9\n", "event: bye\n", "retry: 1\n", ":", " ")
LINE_ENDS_TO_SOME = tuple("\u2028\u2029\u0085\x0b\x0c\x1c\ufeff\u200b\u202e")
ESCAPES = ("~", '"', "\\", "\\n", "</script>", "\x7f", "\x01")
WORDS = ("ä", "日本", "\U0001f600", "a", "0")
PIECES = (*BREAKS, *FIELDS, *LINE_ENDS_TO_SOME, *ESCAPES, *WORDS)
REFUSED = ("\x00", "a\x00b")
LONGEST = 12
"""Pieces in one text."""


def broken_frames(server: Server, report: Report) -> None:
    """S6: texts with line breaks, field names and characters that some parsers treat as line breaks, through the whole
    service."""
    count = report.either(300, 2000)
    with World(server, report, mail=False) as world:
        heard: list[Frame] = []
        streams = [_begin(world, 1 + number) for number in range(SIDES)]
        readers = [gevent.spawn(_collect, stream, heard) for stream in streams]
        orders = world.orders(count)
        texts = {order.id: _text(report) for order in orders}
        load = world.load(0)
        pool = Pool(8)
        for order in orders:
            pool.spawn(load.change, order, "CONFIRMED", f"text-{order.id}", texts[order.id])
        pool.join()
        world.drain()
        ends = clock.monotonic() + 20
        while len(heard) < count and clock.monotonic() < ends:
            gevent.sleep(0.05)
        gevent.killall(readers)
        wrong = sum(frame.data["event"]["reason"] != texts[frame.data["order"]["id"]] for frame in heard)
        report.tell("texts", count)
        report.check("events beyond one for each", len(heard) - count, at_most=0)
        report.check("texts that arrived changed, or not at all", wrong + count - len(heard), at_most=0)
        strange = sum(not CURSOR.fullmatch(frame.id) or frame.type != "order.status_changed" for frame in heard)
        report.check("events with another id or type", strange, at_most=0)
        report.check("texts with NUL that were not refused with 400", _not_refused(world), at_most=0)
        report.check("changes abandoned by a client", len(load.given_up), at_most=0)


def _text(report: Report) -> str:
    rng = report.rng
    return "<" + "".join(rng.choices(PIECES, k=rng.randint(1, LONGEST))) + ">"


def _begin(world: World, seller: int) -> Iterator[Frame]:
    stream = frames(world.service, "seller", seller, seconds=60)
    assert next(stream).type == "hello"
    return stream


def _collect(stream: Iterator[Frame], heard: list[Frame]) -> None:
    heard.extend(frame for frame in stream if frame.type.startswith("order."))


def _not_refused(world: World) -> int:
    (order,) = world.orders(1)
    token = world.service.token("seller", order.seller)
    answers = [
        _ask(world, "PATCH", f"/api/orders/{order.id}/status", token, {"status": "CONFIRMED", "reason": text})
        for text in REFUSED
    ]
    return sum(answer != 400 for answer in answers)


def _ask(world: World, method: str, path: str, token: str, body: dict[str, Any]) -> int:
    connection = HTTPConnection("127.0.0.1", world.service.port, timeout=10)
    with closing(connection):
        connection.request(method, path, orjson.dumps(body), {"Authorization": f"Bearer {token}"})
        return connection.getresponse().status


def lost_rights(server: Server, report: Report) -> None:
    """S13: a token expires, and another is revoked, while their streams are open."""
    count = report.either(20, 200)
    with World(server, report, mail=False) as world:
        ending = [gevent.spawn(_until_expired, world, 1 + number, 3.0 + number % 3) for number in range(count)]
        late = [one.get() for one in ending]
        report.check("token ended: slowest stream's end after it", max(one.late for one in late), "s", at_most=1.5)
        report.check("token ended: streams that ended too early", sum(one.late < 0 for one in late), at_most=0)
        report.check("of which got no warning or no bye", sum(not one.told for one in late), at_most=0)
        report.check("replays with an ended token not refused", sum(one.answer != 401 for one in late), at_most=0)
        taken = [gevent.spawn(_until_taken_back, world, 1 + number) for number in range(report.either(3, 20))]
        back = [one.get() for one in taken]
        report.check("revoked: slowest stream's end", max(one.late for one in back), "s", at_most=60)
        report.check("of which got no bye", sum(not one.told for one in back), at_most=0)
        report.check("replays with a revoked token not refused", sum(one.answer != 401 for one in back), at_most=0)


@dataclass(frozen=True)
class End:
    """How a stream ended whose owner lost access."""

    late: float
    """Seconds after that moment."""

    told: bool
    answer: int
    """The response to the next request with the same token."""


def _until_expired(world: World, seller: int, lifetime: float) -> End:
    token = world.service.token("seller", seller, lifetime)
    # A token expires at a whole second.
    ends = float(int(time.time() + lifetime))
    with connect(world.service, token, seconds=30) as connection:
        types = [(frame.type, frame.data.get("reason")) for frame in read(connection)]
    late = time.time() - ends
    told = ("auth-expiring", None) in types and types[-1] == ("bye", "expired")
    return End(late, told, _answer(world, token))


def _until_taken_back(world: World, seller: int) -> End:
    token = world.service.token("seller", seller)
    with connect(world.service, token, seconds=90) as connection:
        stream = read(connection)
        assert next(stream).type == "hello"
        operator = world.service.token("operator", 1)
        body = {"role": "seller", "id": seller, "reason": "left the shop"}
        begun = clock.monotonic()
        assert _ask(world, "POST", "/api/ops/revocations", operator, body) == 200
        types = [(frame.type, frame.data.get("reason")) for frame in stream]
    return End(clock.monotonic() - begun, types[-1] == ("bye", "rights-lost"), _answer(world, token))


def _answer(world: World, token: str) -> int:
    with connect(world.service, token, "1.1") as connection:
        return int(connection.recv(4096).split(b" ")[1])
