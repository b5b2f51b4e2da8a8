"""What followed the events and the messages of one order: e-mails, webhooks, and what its buyer has read of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from access.principal import Principal
from chat.effects import MESSAGE
from foundation import sql
from foundation.db import db
from notifications import gate
from orders.effects.email import STATUS_MAIL
from webhooks.matching import KIND, endpoint_of

MOST_NOTIFIED = 400
"""Rows of the inbox that are looked at: two of each change."""

SQL = sql.beside(__file__, delivery=KIND, message=MESSAGE, endpoint_of_s=endpoint_of("s.destination"))
CONSEQUENCES = SQL.text("consequences")
TO_BUYER = STATUS_MAIL
"""The kind of the e-mail that notifies the buyer of a change."""

BUYER_NOTIFIED = SQL.text("buyer_notified")


@dataclass(frozen=True)
class Consequence:
    """An e-mail or a webhook delivery, and what has become of it."""

    id: int
    event_type: str
    """`order`, or that of messages."""

    event_id: int
    kind: str
    status: str
    attempts: int
    error: str
    """It may name an address, which a seller may not see: for operators and auditors only."""

    at: datetime
    """When it ended; when it was written, if it has not."""

    @property
    def reason(self) -> str:
        """The rule by which it is not sent, or not yet; empty if it is by none."""
        return "digest" if self.error.startswith(gate.COLLECTED) else gate.RULES.get(self.error, "")


@dataclass(frozen=True)
class BuyerNotified:
    """A change in the buyer's inbox."""

    at: datetime
    read_at: datetime | None


def of(principal: Principal, events: Sequence[int], messages: Sequence[int]) -> list[Consequence]:
    """What followed these events and messages, which must be of orders that the principal may read."""
    values = {
        "events": list(events),
        "messages": list(messages),
        "seller": principal.seller_id,
        "every_endpoint": principal.role != "seller",
    }
    return [Consequence(*row) for row in db.session.execute(CONSEQUENCES, values)]


def buyer_notified(order_id: int) -> Mapping[int, BuyerNotified]:
    """The newest changes of the order in its buyer's inbox, by their events."""
    rows = db.session.execute(BUYER_NOTIFIED, {"order_id": order_id, "most": MOST_NOTIFIED})
    return {event_id: BuyerNotified(at, read_at) for event_id, at, read_at in rows}
