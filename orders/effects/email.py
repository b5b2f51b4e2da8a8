"""The e-mail to the buyer about a new status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any, NamedTuple

import orjson

from access.addressees import language_of_buyer
from foundation import languages, sql
from foundation.one_line import folded
from notifications.email import MAIL_SERVER
from notifications.letters import Letter, Shop, greeting
from orders import json_sql, sentences
from orders.effects import due
from orders.effects.given import Given
from orders.effects.outgoing import outgoing
from orders.schemas import bare
from orders.workflow import Status
from side_effects.effects import Effect
from side_effects.kinds import SMTP_COOLDOWN_SECONDS, Claimed, Kind
from side_effects.retry import Outcome

BIT = 7
STATUS_MAIL = "email.status"

CONCURRENCY = 16
"""E-mails in progress at once, per process: at 100 ms each that is 160 a second."""

SQL = sql.beside(
    __file__,
    events=json_sql.EVENTS,
    parcels=json_sql.parcels("o.tracking", "o.parcels"),
    language=language_of_buyer("o.buyer_id"),
)
ADDRESSED = SQL.prepared("mail_of_event")


def effects(given: Given) -> tuple[Effect, ...]:
    """The e-mail, if there is a way to send it, with a link to the order if `PUBLIC_URL` is set."""
    notices, read = given.workflow.notices, given.post.run if given.post else _nothing
    handler = Kind(
        STATUS_MAIL,
        due.when_due(notices, read, partial(_attempt, given)),
        concurrency=CONCURRENCY,
        longest_cooldown=SMTP_COOLDOWN_SECONDS,
        no_longer_due=due.no_longer_due(notices),
    )
    mail = outgoing(
        BIT,
        handler,
        MAIL_SERVER,
        enabled=given.post is not None,
        only=due.mailed(notices),
        to_buyer=True,
        on_resending=True,
        scheduled_at=due.scheduled_at(notices),
    )
    return (mail,)


def _nothing(*_: object) -> list[Any]:
    """Stands for the database where nothing is ever attempted."""
    return []


class AddressedMail(NamedTuple):
    """What an e-mail says, and to whom."""

    email: str
    language: str | None
    name: str
    number: str
    type: str
    status: str
    reason: str | None
    parcels: str | None
    order_id: int
    buyer_id: int
    shop: str | None
    logo: str | None
    colour: str | None
    reply_to: str | None


def _attempt(given: Given, claimed: Claimed) -> Outcome:
    assert given.post is not None  # or the effect would not be enabled
    rows = given.post.run(ADDRESSED, (claimed.event_id,))
    if not rows:
        return Outcome("dead", "what it speaks of does not exist any more")
    to = AddressedMail(*rows[0])
    if not to.email:
        return Outcome("dead", "the buyer's address was erased")
    language = given.language(to.language)
    known = given.workflow.in_language(language).statuses.get(to.status)
    if known is None or not known.notify.get("buyer"):
        return Outcome("dead", f"the workflow has no text for {to.status} any more")
    with languages.in_language(language):
        values = _shown(given, to, known)
    kind = given.workflow.notices.kind(to.type, to.status, "buyer")
    unsubscribe = given.post.unsubscribing(f"buyer:{to.buyer_id}", kind)
    shop, thread = Shop.of(to.shop, to.logo, to.colour, to.reply_to), f"order.{to.order_id}"
    return given.post.send(Letter(to.email, language, "status", values, claimed.message_id, thread, shop, unsubscribe))


def _shown(given: Given, to: AddressedMail, known: Status) -> dict[str, Any]:
    """What the templates show, in the current language."""
    return {
        "greeting": greeting(to.name),
        "sentence": folded(sentences.notice(known.notify["buyer"], bare(to.number), to.type)),
        "reason": to.reason or "",
        "parcels": [_described(one) for one in orjson.loads(to.parcels or "[]")] if known.tracking else [],
        "link": given.make_link(to.order_id, to.buyer_id)[0] if given.make_link else "",
    }


def _described(parcel: Mapping[str, Any]) -> dict[str, Any]:
    """Carrier, number, expected day and link of a parcel, each on one line."""
    expected = parcel.get("expected_on")
    return {
        "carrier": folded(parcel["carrier"]),
        "number": folded(parcel["number"]),
        "expected": date.fromisoformat(expected) if expected else None,
        "url": parcel.get("url") or "",
    }
