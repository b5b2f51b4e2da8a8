"""What the workflow table says about who is notified of what: texts, ways and what is critical, by kind and side."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, StringConstraints

from foundation.contract import Body
from foundation.languages import N_, gettext
from notifications.rules import SIDES, Digest, NotificationRule, Way

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
Duration = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,3} (second|minute|hour|day)s?$")]

Text = Annotated[
    str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$", max_length=500)
]
"""A non-empty text on one line."""

EventKind = Literal["order.created", "order.corrected", "message.created"]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
ORDER_CREATED, ORDER_CORRECTED, MESSAGE_CREATED = EVENT_KINDS

WAIT = re.compile(r"email after (?P<time>[1-9][0-9]{0,3} (?:second|minute|hour|day)s?) unless seen")
DIGEST = re.compile(r"digest (?P<every>hourly|daily)")
GRAMMAR = "`inbox`, `email`, `email after 10 minutes unless seen`, `digest hourly` or `digest daily`"

BUYER_WAYS, SELLER_WAYS = ("inbox", "email"), ("inbox",)
"""The ways of a status that names none, in a table that does not say otherwise either."""

MESSAGES = ("inbox", "email after 10 minutes unless seen")
MESSAGE_TEXTS = {
    "seller": N_("There is a new message about order #{number}."),
    "buyer": N_("There is a new message about your order #{number}."),
}


def seconds_of(duration: str) -> int:
    """`7 days` in seconds."""
    number, unit = duration.split()
    return int(number) * UNITS[unit.removesuffix("s")]


def way_of(text: str) -> Way:
    """The way that this text names; raises ValueError with what would be one."""
    if text in ("inbox", "email"):
        return Way("inbox" if text == "inbox" else "email")
    if match := WAIT.fullmatch(text):
        return Way("email", seconds_of(match["time"]))
    if match := DIGEST.fullmatch(text):
        every: Digest = "hourly" if match["every"] == "hourly" else "daily"
        return Way("email", 0, every)
    raise ValueError(f"{text} is not a way: {GRAMMAR}")


def _agreeing(texts: list[str]) -> list[str]:
    ways = [way_of(text) for text in texts]
    for name in ("inbox", "email"):
        if sum(one.name == name for one in ways) > 1:
            raise ValueError(f"names {'the inbox' if name == 'inbox' else 'e-mail'} twice")
    if any(one.wait_seconds for one in ways) and not any(one.name == "inbox" for one in ways):
        raise ValueError("an e-mail that waits unless it is seen needs `inbox`, where it can be seen")
    return texts


Ways = Annotated[list[str], AfterValidator(_agreeing)]


class WaysEntry(Body):
    """The ways of each side."""

    seller: Ways | None = None
    buyer: Ways | None = None


class CriticalEntry(Body):
    """To which side it is critical."""

    seller: bool = False
    buyer: bool = False


class TextsEntry(Body):
    """The text for each side."""

    seller: Text | None = None
    buyer: Text | None = None


class EventEntry(Body):
    """An event that is not a status."""

    notify: TextsEntry = TextsEntry()
    ways: WaysEntry = WaysEntry()
    critical: CriticalEntry = CriticalEntry()


EventEntries = Annotated[dict[EventKind, EventEntry], Field(default_factory=dict)]


@dataclass(frozen=True)
class Notices:
    """Who is notified of what: rules and texts by kind and side."""

    rules: Mapping[tuple[str, str], NotificationRule] = field(default_factory=dict)
    texts: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """With `{number}` for the order's; of `order.corrected` the status's own text is used."""

    def kind(self, type: str, status: str, side: str) -> str:
        """The kind of an event of an order: `order.created`, `order.corrected` if the table has it, or the status."""
        return type if type in (ORDER_CREATED, ORDER_CORRECTED) and (type, side) in self.rules else status

    def rule(self, kind: str, side: str) -> NotificationRule:
        """What the table says of this kind; nobody is notified of what it does not have."""
        return self.rules.get((kind, side), NotificationRule())


def notices_of(
    initial: str,
    statuses: Mapping[str, tuple[TextsEntry, WaysEntry, CriticalEntry]],
    events: Mapping[EventKind, EventEntry],
    usual: WaysEntry,
) -> Notices:
    """The rules and texts of a table; a status has them for each side that it has a text for."""
    rules: dict[tuple[str, str], NotificationRule] = {}
    texts: dict[tuple[str, str], str] = {}
    for kind, (notify, ways, critical) in [*statuses.items(), *_events(initial, statuses, events)]:
        for side in SIDES:
            text = getattr(notify, side)
            if text is None and kind != ORDER_CORRECTED:
                continue
            named = getattr(ways, side)
            if named is None:
                named = getattr(usual, side)
            if named is None:
                named = SELLER_WAYS if side == "seller" and kind != ORDER_CREATED else BUYER_WAYS
            rules[kind, side] = NotificationRule(tuple(map(way_of, named)), getattr(critical, side))
            if text is not None:
                texts[kind, side] = text
    return Notices(rules, texts)


def _events(
    initial: str,
    statuses: Mapping[str, tuple[TextsEntry, WaysEntry, CriticalEntry]],
    events: Mapping[EventKind, EventEntry],
) -> Iterator[tuple[str, tuple[TextsEntry, WaysEntry, CriticalEntry]]]:
    """The events as if they were statuses, with their usual texts and ways."""
    created, message = events.get(ORDER_CREATED, EventEntry()), events.get(MESSAGE_CREATED, EventEntry())
    first = statuses[initial][0].seller if initial in statuses else None
    yield (
        ORDER_CREATED,
        (TextsEntry(seller=created.notify.seller or first, buyer=created.notify.buyer), created.ways, created.critical),
    )
    words = TextsEntry(**{side: getattr(message.notify, side) or gettext(MESSAGE_TEXTS[side]) for side in SIDES})
    ways = WaysEntry(
        **{side: list(MESSAGES) if (named := getattr(message.ways, side)) is None else named for side in SIDES}
    )
    yield MESSAGE_CREATED, (words, ways, message.critical)
    if corrected := events.get(ORDER_CORRECTED):
        yield ORDER_CORRECTED, (TextsEntry(), corrected.ways, corrected.critical)
