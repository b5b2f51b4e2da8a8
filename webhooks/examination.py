"""What receivers of webhooks get wrong, as a list of deliveries, each with what a right receiver makes of it.

A receiver answers 2xx to what it accepts and 4xx to what it refuses. Whether it has acted on what it accepted cannot be
seen from outside; one that answers with `{"handled": true}` or `{"handled": false}` is examined for that too.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from webhooks.refusals import Unreachable
from webhooks.sending import Reply, Sender
from webhooks.signatures import new_secret, signed

STALE_SECONDS = 600
"""Twice the tolerance that Standard Webhooks recommends."""

LARGE_BYTES = 64 * 1024
"""The longest body that is sent."""

ACCEPT_SECONDS = 5.0
"""A third of the deadline: what takes longer is done after the answer."""

NO_REFUSALS = frozenset({408, 410, 429})
"""Of 4xx: try again, disable me, slow down."""

Verdict = Literal["right", "wrong", "unseen"]
Headers = dict[str, str]


@dataclass(frozen=True)
class Point:
    """One delivery of an examination."""

    name: str
    headers: Headers
    body: bytes = field(repr=False)
    accepts: bool | None
    """Whether a right receiver accepts it; None if it may do either."""

    handles: bool | None
    """Whether a right receiver acts on it; None where it is refused."""

    because: str
    """Why a receiver must do so, as a sentence."""


@dataclass(frozen=True)
class Finding:
    """What a receiver made of one delivery."""

    name: str
    verdict: Verdict
    text: str


def examine(send: Callable[[Headers, bytes], Reply], secret: bytes, now: int, within: float) -> Iterator[Finding]:
    """Send everything, and say of each what the receiver made of it; the last finding is about its speed.

    Raises Unreachable if the first delivery gets no answer.
    """
    slowest = 0.0
    for number, point in enumerate(points(secret, now)):
        try:
            reply = send(point.headers, point.body)
        except Unreachable as error:
            if not number:
                raise
            yield Finding(point.name, "wrong", f"{error.reason} {point.because}")
            continue
        slowest = max(slowest, reply.seconds)
        yield _judged(point, reply)
    yield _speed(slowest, within)


def posting(sender: Sender, url: str) -> Callable[[Headers, bytes], Reply]:
    """Sends to this URL, as a delivery is sent."""
    return lambda headers, body: sender.post(url, {"Content-Type": "application/json", **headers}, body)


def points(secret: bytes, now: int) -> list[Point]:
    """The deliveries, in the order in which they are sent."""
    made = _Deliveries(secret, now)
    return [*_identities(made), *_times(made), *_forgeries(made), *_signatures(made), *_contents(made)]


def _identities(made: _Deliveries) -> Iterator[Point]:
    headers, body = made.delivery(order=1)
    again = made.signed(headers["webhook-id"], body)
    yield Point("valid", headers, body, True, True, "It is what every delivery looks like.")
    reason = "It may be refused or ignored, but must not be acted on twice."
    yield Point("replayed", headers, body, None, False, reason)
    reason = "The answer to a first attempt can be lost: accept the same webhook-id again, and ignore it."
    yield Point("duplicate id", again, body, True, False, reason)


def _times(made: _Deliveries) -> Iterator[Point]:
    for name, seconds in (("stale by 10 minutes", -STALE_SECONDS), ("from the future", STALE_SECONDS)):
        headers, body = made.delivery(order=2, seconds=seconds)
        reason = "Refuse a webhook-timestamp that is more than 5 minutes away: somebody may have recorded it."
        yield Point(name, headers, body, False, None, reason)


def _forgeries(made: _Deliveries) -> Iterator[Point]:
    headers, body = made.delivery(order=3)
    tampered = body.replace(b'"version":3', b'"version":4')
    reason = "Verify the signature over the bytes that arrived: anybody can write such a body."
    yield Point("tampered body", headers, tampered, False, None, reason)
    id = made.new_id()
    forged = signed([new_secret()], id, made.now, body)
    yield Point("wrong secret", forged, body, False, None, "Anybody can send this who knows the URL.")
    unsigned = {name: value for name, value in forged.items() if name != "webhook-signature"}
    yield Point("unsigned", unsigned, body, False, None, "Anybody can send this who knows the URL.")


def _signatures(made: _Deliveries) -> Iterator[Point]:
    headers, body = made.delivery(order=4, others=[new_secret()])
    reason = "Accept a delivery if any of its signatures is right: while a secret is replaced there are two."
    yield Point("two signatures, the second is right", headers, body, True, True, reason)
    headers, body = made.delivery(order=5)
    signature = headers["webhook-signature"]
    both = {**headers, "webhook-signature": f"v2,{signature.removeprefix('v1,')} v1a,AAAA {signature}"}
    reason = "Pass over signatures of versions that you do not know, and look for one that you do."
    yield Point("unknown version prefix beside v1", both, body, True, True, reason)
    headers, body = made.delivery(order=6)
    other = {**headers, "webhook-signature": headers["webhook-signature"].replace("v1,", "v2,")}
    reason = "A signature of a version that you do not know says nothing, whatever it looks like."
    yield Point("unknown version prefix alone", other, body, False, None, reason)


def _contents(made: _Deliveries) -> Iterator[Point]:
    newer, older = made.delivery(order=7, version=5), made.delivery(order=7, version=4)
    yield Point("a newer version", *newer, True, True, "An order's version may leave numbers out.")
    reason = "Accept an older version than the one you have, and ignore it: a retry may come after a newer event."
    yield Point("out of order", *older, True, False, reason)
    unknown = made.delivery(order=8, type="order.examined")
    reason = "Accept event types that you do not know, and ignore them: more may be added."
    yield Point("unknown event type", *unknown, True, False, reason)
    thin = made.delivery(order=9, thin=True)
    yield Point("thin payload", *thin, True, True, "It has ids and the version: read the order when you act.")
    large = made.delivery(order=10, bytes=LARGE_BYTES)
    yield Point("64 KB", *large, True, True, "Many servers refuse bodies of this size unless they are configured.")


class _Deliveries:
    """Makes deliveries of one examination, about orders that nobody has."""

    def __init__(self, secret: bytes, now: int) -> None:
        self._secret, self.now = secret, now
        self._run, self._count = secrets.token_hex(6), 0
        self._orders = secrets.randbelow(10**6) * 1000 + 10**12

    def new_id(self) -> str:
        self._count += 1
        return f"examination_{self._run}_{self._count}"

    def signed(self, id: str, body: bytes, seconds: int = 0, others: list[bytes] | None = None) -> Headers:
        return signed([*(others or []), self._secret], id, self.now + seconds, body)

    def delivery(
        self,
        order: int,
        version: int = 3,
        type: str = "order.status_changed",
        thin: bool = False,
        bytes: int = 0,
        seconds: int = 0,
        others: list[bytes] | None = None,
    ) -> tuple[Headers, bytes]:
        id = self.new_id()
        members: dict[str, Any] = {"order": {"id": self._orders + order}, "event": {"id": self._count}}
        if not thin:
            members["order"] |= {"version": version, "status": "SHIPPED", "note": ""}
            members["event"] |= {"version": version, "from_status": "PROCESSING", "to_status": "SHIPPED"}
        body = self._text(id, type, version, members)
        if bytes:
            members["order"]["note"] = "x" * (bytes - len(body))
            body = self._text(id, type, version, members)
        return self.signed(id, body, seconds, others), body

    def _text(self, id: str, type: str, version: int, members: Mapping[str, Any]) -> bytes:
        at = datetime.fromtimestamp(self.now, UTC).isoformat()
        trace = f"00-{hashlib.sha256(id.encode()).hexdigest()[:32]}-{self._run.ljust(16, '0')}-01"
        return orjson.dumps({"id": id, "type": type, "at": at, "version": version, "traceparent": trace, **members})


def _judged(point: Point, reply: Reply) -> Finding:
    status, said = reply.status, f"It answered {reply.status}."
    accepted = 200 <= status < 300
    refused = 400 <= status < 500 and status not in NO_REFUSALS
    wanted = {True: accepted, False: refused, None: accepted or refused}[point.accepts]
    if not wanted:
        should = {True: "must be accepted with 2xx", False: "must be refused with 4xx", None: "needs a 2xx or a 4xx"}
        return Finding(point.name, "wrong", f"{said} This {should[point.accepts]}. {point.because}")
    if not accepted or point.handles is None:
        return Finding(point.name, "right", said)
    handled = _handled(reply.body)
    if handled is None and not point.handles:
        return Finding(point.name, "unseen", f"{said} Whether it acted on it cannot be seen. {point.because}")
    if handled not in (None, point.handles):
        did = "acted on it" if handled else "did not act on it"
        return Finding(point.name, "wrong", f"{said} It {did}. {point.because}")
    return Finding(point.name, "right", said)


def _handled(body: bytes) -> bool | None:
    """Whether the receiver acted on a delivery, if it says so."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    handled = answer.get("handled") if isinstance(answer, dict) else None
    return handled if isinstance(handled, bool) else None


def _speed(slowest: float, within: float) -> Finding:
    text = f"The slowest answer took {slowest:.2f} s."
    if slowest > within:
        return Finding("slow to accept", "wrong", f"{text} Answer within {within:g} s, and do the work afterwards.")
    return Finding("slow to accept", "right", text)
