"""The e-mail to a shop's staff about a new order: to each person with an account, except whoever placed it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

from access.addressees import Addressee, exists
from foundation import sql
from foundation.one_line import folded
from notifications import gate
from notifications.email import MAIL_SERVER
from notifications.gate import Addressed
from notifications.letters import Letter
from orders import json_sql
from orders.effects.given import Given
from orders.effects.outgoing import outgoing
from orders.money import formatted
from orders.schemas import bare
from orders.workflow_notices import ORDER_CREATED
from side_effects.effects import Effect
from side_effects.kinds import SMTP_COOLDOWN_SECONDS, Claimed, Kind
from side_effects.retry import Outcome

BIT = 13
NEW_ORDER_MAIL = "email.new_order"

SHOPS_SIDE = "seller"
SENTENCE = "New order #{number}"
"""Where the workflow has no notice of a new order for the seller."""

SQL = sql.beside(__file__, events=json_sql.EVENTS)
PLACED = SQL.prepared("new_order_of_event")


def effects(given: Given) -> tuple[Effect, ...]:
    """The e-mail, if there is a way to send it and the workflow table names it. A shop without accounts has nobody to
    write to, and no side effect."""
    handler = Kind(NEW_ORDER_MAIL, partial(_attempt, given), longest_cooldown=SMTP_COOLDOWN_SECONDS)
    only = f"type = '{ORDER_CREATED}' AND {exists('seller', 'seller_id', 'at')}"
    way = given.workflow.notices.rule(ORDER_CREATED, SHOPS_SIDE).way("email")
    wait = f"clock_timestamp() + interval '{way.wait_seconds} s'" if way and way.wait_seconds else None
    enabled = given.staff is not None and way is not None
    mail = outgoing(BIT, handler, MAIL_SERVER, enabled, only, scheduled_at=wait)
    return (replace(mail, on_creation=True, on_change=False),)


class NewOrder(NamedTuple):
    """What is said of it."""

    number: str
    status: str
    total_minor: int
    currency: str
    order_id: int
    seller_id: int
    author: str | None


def _attempt(given: Given, claimed: Claimed) -> Outcome:
    assert given.staff is not None  # or the effect would not be enabled
    rows = given.staff.post.run(PLACED, (claimed.event_id,))
    if not rows:
        return Outcome("dead", "what it speaks of does not exist any more")
    order = NewOrder(*rows[0])
    people = given.staff.people([(SHOPS_SIDE, order.seller_id)], order.author)
    rule = given.workflow.notices.rule(ORDER_CREATED, SHOPS_SIDE)

    run = given.staff.post.run

    def hold(person: Addressee) -> Outcome | None:
        return gate.held(run, claimed, Addressed(rule, ORDER_CREATED, person.owner))

    return given.staff.send(claimed, people, partial(_written, given, claimed, order), hold)


def _written(given: Given, claimed: Claimed, order: NewOrder, person: Addressee) -> Letter:
    assert given.staff is not None
    language = given.language(person.language)
    known = given.workflow.in_language(language).statuses.get(order.status)
    notice = (known.notify.get(SHOPS_SIDE) if known else None) or SENTENCE
    values = {
        "sentence": folded(notice.replace("{number}", bare(order.number))),
        "total": formatted(order.total_minor, order.currency),
        "link": given.settings.link(f"/seller/orders/{order.order_id}") if given.make_link else "",
    }
    unsubscribe = given.staff.post.unsubscribing(person.owner, ORDER_CREATED)
    id, thread = f"{claimed.message_id}.{person.id}", f"order.{order.order_id}"
    return Letter(person.email, language, "new_order", values, id, thread, unsubscribe=unsubscribe)
