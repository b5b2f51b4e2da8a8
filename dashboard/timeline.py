"""One timeline of an order: changes, edits, messages, notes, e-mails, webhooks, and what the buyer has read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from access.principal import Principal
from foundation import formats
from orders import consequences
from orders.consequences import BuyerNotified, Consequence

FILTERED = {"all": (), "status": ("status",), "messages": ("message", "note"), "effects": ("effect", "read", "seen")}
"""What the page's filter may say, and the entries that it leaves; all of them, if none is named."""

NEWEST = 6
"""Entries that are always in sight, beside the first one."""

LAST_KNOWN = 3
"""Changes of which the page says what the buyer knows."""


@dataclass(frozen=True)
class TimelineEntry:
    """One thing that happened."""

    id: str
    what: str
    """`status` (also corrections and edits), `message`, `note`, `effect`, `read` or `seen`."""

    at: datetime
    subject: Any
    """The event, message, Consequence or seen mark itself."""

    event: Mapping[str, Any] | None = None
    """The event that it followed, if it is known."""


@dataclass(frozen=True)
class Day:
    """The entries of one day of the reader's zone, the newest first."""

    on: date
    entries: list[TimelineEntry]


@dataclass(frozen=True)
class Timeline:
    """The entries, newest first: the latest and the first are in sight, and those between them are folded away."""

    shown: str
    newest: list[Day]
    folded: list[Day]
    first: list[Day]

    @property
    def folded_count(self) -> int:
        return sum(len(day.entries) for day in self.folded)


@dataclass(frozen=True)
class BuyerKnows:
    """What the buyer of an order knows of one change."""

    event: Mapping[str, Any]
    mail: Consequence | None
    inbox: BuyerNotified | None
    seen_at: datetime | None
    """When at the latest the conversation of the order had been before the buyer with this change in it."""


@dataclass(frozen=True)
class OrderLife:
    """An order's life, as its page shows it."""

    timeline: Timeline
    buyer_knows: list[BuyerKnows]


def of_order(principal: Principal, found: Mapping[str, Any], shown: str) -> OrderLife:
    """The life of an order as `loaders.order` has found it; `shown` is one of FILTERED."""
    events = {event["id"]: event for event in found["events"]}
    said = [message for message in found["messages"] if message["kind"] != "system"]
    followed = consequences.of(principal, list(events), [message["id"] for message in said])
    inbox = consequences.buyer_notified(found["order"]["id"])
    marks = [mark for mark in found["seen_marks"] if mark["reader"]["role"] == "buyer"]
    entries = [
        *_changes(found["events"]),
        *_said(said),
        *_followed(followed, events),
        *_read(inbox, events),
        *_seen(marks),
    ]
    kinds = FILTERED[shown]
    wanted = [entry for entry in entries if not kinds or entry.what in kinds]
    # Of the same moment, what followed a change stands above it.
    wanted.sort(key=lambda entry: (entry.at, entry.what != "status"), reverse=True)
    return OrderLife(_folded(shown, wanted), list(_known(found, followed, inbox, marks)))


def _changes(events: Sequence[Mapping[str, Any]]) -> Iterator[TimelineEntry]:
    for event in events:
        yield TimelineEntry(f"entry-{event['version']}", "status", _at(event["at"]), event)


def _said(messages: Sequence[Mapping[str, Any]]) -> Iterator[TimelineEntry]:
    for one in messages:
        what = "note" if one["kind"] == "note" else "message"
        yield TimelineEntry(f"said-{one['id']}", what, _at(one["created_at"]), one)


def _followed(followed: Sequence[Consequence], events: Mapping[int, Mapping[str, Any]]) -> Iterator[TimelineEntry]:
    for one in followed:
        event = events.get(one.event_id) if one.event_type == "order" else None
        yield TimelineEntry(f"effect-{one.id}", "effect", one.at, one, event)


def _read(inbox: Mapping[int, BuyerNotified], events: Mapping[int, Mapping[str, Any]]) -> Iterator[TimelineEntry]:
    for event_id, one in inbox.items():
        if one.read_at and event_id in events:
            yield TimelineEntry(f"read-{event_id}", "read", one.read_at, one, events[event_id])


def _seen(marks: Sequence[Mapping[str, Any]]) -> Iterator[TimelineEntry]:
    for mark in marks:
        yield TimelineEntry(f"seen-{mark['up_to']}", "seen", _at(mark["at"]), mark)


def _known(
    found: Mapping[str, Any],
    followed: Sequence[Consequence],
    inbox: Mapping[int, BuyerNotified],
    marks: Sequence[Mapping[str, Any]],
) -> Iterator[BuyerKnows]:
    """Of the last changes of the status, the newest first."""
    mails = {one.event_id: one for one in followed if one.event_type == "order" and one.kind == consequences.TO_BUYER}
    reports = {message["event_id"]: message["id"] for message in found["messages"] if message["kind"] == "system"}
    changes = [event for event in found["events"] if event["changed"] is None]
    for event in reversed(changes[-LAST_KNOWN:]):
        report = reports.get(event["id"])
        seen = [_at(mark["at"]) for mark in marks if report and mark["up_to"] >= report]
        yield BuyerKnows(event, mails.get(event["id"]), inbox.get(event["id"]), min(seen, default=None))


def _folded(shown: str, entries: list[TimelineEntry]) -> Timeline:
    """A fold that hides one entry alone would be as large as it."""
    until = NEWEST if len(entries) > NEWEST + 2 else len(entries)
    return Timeline(shown, _by_day(entries[:until]), _by_day(entries[until:-1]), _by_day(entries[until:][-1:]))


def _by_day(entries: list[TimelineEntry]) -> list[Day]:
    zone = formats.zone()
    there = ZoneInfo(zone) if zone else UTC
    return [Day(on, list(some)) for on, some in groupby(entries, key=lambda entry: entry.at.astimezone(there).date())]


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
