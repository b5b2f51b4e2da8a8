"""What a delivery says: an event as its reader may read it, with the order's data of this moment or without them.

Its members are those of the same event in a stream (docs/http.md), and before them its id, the version and the trace.
An event is read again for each attempt: nothing of an order is stored twice, and what was erased is not sent any more.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from side_effects.effects import Run

TEST = "webhook.test"
"""The type of a test event."""

TRACE_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Fact:
    """An event for one reader."""

    type: str
    at: str
    """RFC 3339."""

    version: int
    """The order's version that the event made; 1 for a message, which never changes."""

    full: str
    """JSON text of the further members, without braces: `"order":{…},"event":{…}`."""

    thin: str
    """The same with nothing but ids in each."""


Readings = Sequence[tuple[int, str]]
"""Ids of events, each with the role of the reader."""

Read = Callable[[Run, Readings], Mapping[tuple[int, str], Fact]]
"""Reads events, as each of these roles may read them; those that do not exist are left out."""


def webhook_id(event_type: str, event_id: int) -> str:
    """The id of an event, the same for every attempt and every endpoint: `order_17`."""
    return f"{event_type}_{event_id}"


def event_of(webhook_id: str) -> tuple[str, int] | None:
    """The event type and the event's id; None if it is no id of ours."""
    event_type, _, number = webhook_id.rpartition("_")
    return (event_type, int(number)) if event_type and re.fullmatch(r"[0-9]{1,18}", number) else None


def traceparent(request_id: str, span: str) -> str:
    """A W3C trace context for a delivery: the trace is that of the request which caused it.

    A request id of 32 hexadecimal digits is a trace id already; others are hashed, so that all that one request caused
    has the same.
    """
    given = request_id.lower()
    usable = TRACE_ID.fullmatch(given) and set(given) != {"0"}
    trace = given if usable else hashlib.sha256((request_id or span).encode()).hexdigest()[:32]
    return f"00-{trace}-{hashlib.sha256(span.encode()).hexdigest()[:16]}-01"


def body(id: str, fact: Fact, thin: bool, trace: str) -> bytes:
    """The body of a delivery."""
    head = {"id": id, "type": fact.type, "at": fact.at, "version": fact.version, "traceparent": trace}
    members = fact.thin if thin else fact.full
    return orjson.dumps(head)[:-1] + b"," + members.encode() + b"}"
