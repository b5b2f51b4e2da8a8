"""What is recorded about one event of an order, read from all the places where its effects leave a trace."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from access.actors import actor_json
from access.addressees import MOST_PEOPLE
from foundation import sql
from foundation.db import db
from foundation.errors import NotFound
from notifications import digests, preferences
from notifications.rules import Preferences
from orders.effects.timer import TIMER_EVENT_TYPE
from orders.explanation.causes import Ruling
from orders.outbox_entry import EVENT_TYPE, RESENT
from side_effects.liveness import HELD, LIVING
from webhooks.matching import DESTINATION, KIND
from webhooks.models import MARKETPLACE

MOST_ATTEMPTS = 200
"""Of all deliveries of an event: 20 endpoints of a shop, with ten attempts each."""

SQL = sql.beside(
    __file__,
    resent=RESENT,
    event_type=EVENT_TYPE,
    deliveries=KIND,
    living=LIVING,
    held=HELD,
    attempts=MOST_ATTEMPTS,
    actor=actor_json("e.actor_role", "e.actor_id", "e.actor_via", "'operator'"),
)
EXPLAINED_EVENT = SQL.text("explained_event")
ENTRIES_OF_EVENT = SQL.text("explained_entries")
ROWS_OF_EVENTS = SQL.text("explained_rows")
IN_INBOX = SQL.text("explained_inbox")
MESSAGE_OF_EVENT = SQL.text("explained_message")
DIGESTS_OF_EVENT = SQL.text("explained_digests")
STAFF = SQL.text("explained_people")
LETTERS_OF_EVENT = SQL.text("explained_letters")
ENDPOINTS_OF_SHOP = SQL.text("explained_endpoints")
DELIVERED = SQL.text("explained_attempts")
LOGGED = SQL.text("explained_log")
DISCARDED_BY = SQL.text("explained_discard")

Row = Mapping[str, Any]


@dataclass(frozen=True)
class EventFacts:
    """Those of one event; each is read when it is first asked for, by a key."""

    event: Row

    @cached_property
    def entries(self) -> list[Row]:
        """Its entries in the outbox."""
        return _rows(ENTRIES_OF_EVENT, self._of_order)

    @cached_property
    def rows(self) -> list[Row]:
        """The side effects of the event and of its timer."""
        return self.rows_of([(EVENT_TYPE, self.event["id"]), (TIMER_EVENT_TYPE, self.event["id"])])

    @cached_property
    def inbox(self) -> list[Row]:
        """The notifications of it."""
        return _rows(IN_INBOX, {"event_id": self.event["id"]})

    @cached_property
    def message(self) -> list[Row]:
        """Its message in the conversation, once for each side that has seen it, or once."""
        return _rows(MESSAGE_OF_EVENT, self._of_order)

    @cached_property
    def digests(self) -> dict[str, Row]:
        """The digests that it is in, by whose they are."""
        return {one["owner"]: one for one in _rows(DIGESTS_OF_EVENT, self._of_order)}

    @cached_property
    def digest_rows(self) -> dict[int, Row]:
        """Their e-mails, by the id of the digest."""
        found = self.rows_of([(digests.EVENT_TYPE, one["id"]) for one in self.digests.values()])
        return {row["event_id"]: row for row in found}

    @cached_property
    def people(self) -> list[Row]:
        """The accounts of the shop, two more than can be written to."""
        return _rows(STAFF, {"seller_id": self.event["seller_id"], "most": MOST_PEOPLE + 2})

    @cached_property
    def letters(self) -> dict[int, datetime]:
        """For which people an e-mail to several is finished, and since when."""
        kinds = [row["kind"] for row in self.rows if row["kind"].startswith("email.")]
        return {
            one["person_id"]: one["at"]
            for one in _rows(LETTERS_OF_EVENT, {"kinds": kinds, "event_id": self.event["id"]})
        }

    @cached_property
    def endpoints(self) -> list[Row]:
        """Those of the shop and of the marketplace, as they are now."""
        return _rows(ENDPOINTS_OF_SHOP, {"sellers": [MARKETPLACE, self.event["seller_id"]]})

    @cached_property
    def deliveries(self) -> dict[str, list[Row]]:
        """The attempts at deliveries, by destination."""
        found: dict[str, list[Row]] = {}
        for one in _rows(DELIVERED, self._of_order):
            found.setdefault(f"{DESTINATION}{one['endpoint_id']}", []).append(one)
        return found

    @cached_property
    def logged(self) -> Row | None:
        """The first and last number of its live events, and when they were written; None if the log has none."""
        return next(iter(_rows(LOGGED, {"event_id": self.event["id"]})), None)

    def rows_of(self, events: Collection[tuple[str, int]]) -> list[Row]:
        """The side effects of these events."""
        values = {"event_types": [type for type, _ in events], "event_ids": [id for _, id in events]}
        return _rows(ROWS_OF_EVENTS, values) if events else []

    def preferences(self, owner: str) -> Preferences:
        """What this owner has chosen, as it is now."""
        return preferences.chosen_by(owner)

    def has(self, bit: int) -> bool:
        """Whether the event has the effect with this bit."""
        return bool(self.event["effect_bits"] & 1 << bit)

    def waiting(self, bit: int) -> Ruling | None:
        """Why the effect with this bit is still pending in the outbox; None if it is not."""
        return next((_of_entry(one, self.event["now"]) for one in self.entries if one["pending"] & 1 << bit), None)

    @property
    def _of_order(self) -> dict[str, Any]:
        return {"order_id": self.event["order_id"], "event_id": self.event["id"]}


def facts_of(order_id: int, event_id: int | None) -> EventFacts:
    """Of this event, or of the latest one; raises NotFound if the order has no such event."""
    found = _rows(EXPLAINED_EVENT, {"order_id": order_id, "event_id": event_id})
    if not found:
        raise NotFound("No such event of this order.")
    return EventFacts(found[0])


def discarded_by(at: datetime) -> str:
    """Which operator discarded what ended at this moment, and why; empty if it is not known any more."""
    return next((f"{one['actor']}: {one['reason']}" for one in _rows(DISCARDED_BY, {"at": at})), "")


def _of_entry(entry: Row, now: datetime) -> Ruling:
    if entry["owner"] == HELD:
        held = entry["lease_until"] > now
        return Ruling("waiting", "held" if held else "due", entry["lease_until"])
    if not entry["owner"]:
        return Ruling("waiting", "not_claimed")
    alive = entry["lives"] and entry["lease_until"] > now
    return Ruling("waiting", "in_progress" if alive else "process_died")


def _rows(statement: Any, values: Mapping[str, Any]) -> list[Row]:
    return [dict(one) for one in db.session.execute(statement, values).mappings()]
