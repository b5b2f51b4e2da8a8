"""The e-mail about a message in an order's conversation: to the side that did not write it, unless it is seen before.

It does not quote the message: what somebody else chose to write would be sent from our address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from access.addressees import Addressee, exists, language_of_buyer
from chat.effects import BUYER_MAIL_BIT, MESSAGE, SELLER_MAIL_BIT
from foundation import languages, sql
from foundation.one_line import folded
from notifications import gate
from notifications.email import MAIL_SERVER
from notifications.gate import Addressed
from notifications.letters import Letter, Shop, greeting
from notifications.posting import Post
from notifications.staff_mail import StaffMail
from orders import sentences
from orders.effects.given import Given
from orders.schemas import bare
from orders.workflow_notices import MESSAGE_CREATED
from side_effects.effects import DurableEffect, Run, is_pending
from side_effects.insertion import insert
from side_effects.kinds import SMTP_COOLDOWN_SECONDS, Claimed, Kind
from side_effects.retry import Outcome

BITS = {"buyer": BUYER_MAIL_BIT, "seller": SELLER_MAIL_BIT}

SQL = sql.beside(__file__, language=language_of_buyer("o.buyer_id"))
MAIL_OF_MESSAGE = SQL.prepared("mail_of_message")

SendTo = Callable[[Given, StaffMail, Claimed, "MailedMessage"], Outcome]
AskAgain = Callable[[Run, Claimed], Outcome | None]


class MailedMessage(NamedTuple):
    """What is said of it, and to whom."""

    email: str
    language: str | None
    name: str
    number: str
    order_id: int
    seller_id: int
    buyer_id: int
    author: str | None
    shop: str | None
    logo: str | None
    colour: str | None
    reply_to: str | None


def effects_of(given: Given) -> tuple[DurableEffect, ...]:
    """The e-mails to both sides, as far as the workflow table names them and there is a way to send them."""
    sides: dict[str, SendTo] = {"buyer": _to_buyer, "seller": _to_seller}
    staff = given.staff
    return tuple(one for side, send in sides.items() for one in _effects(given, staff, side, send)) if staff else ()


def _effects(given: Given, staff: StaffMail, side: str, send: SendTo) -> Iterator[DurableEffect]:
    way = given.workflow.notices.rule(MESSAGE_CREATED, side).way("email")
    if way is None:
        return
    why = _no_longer_due(side, waits=bool(way.wait_seconds))
    withdrawn = gate.asked_again(f"why_no_message_to_{side}", why)
    handler = Kind(
        f"email.message_to_{side}",
        partial(_attempt, given, staff, withdrawn, send),
        longest_cooldown=SMTP_COOLDOWN_SECONDS,
        no_longer_due=why,
    )
    yield _written(side, handler, way.wait_seconds)


def _written(side: str, handler: Kind, wait_seconds: int) -> DurableEffect:
    """A shop without accounts has nobody to write to."""
    somebody = f" AND {exists('seller', 'seller_id', 'created_at')}" if side == "seller" else ""
    rows = insert(
        f"said WHERE {is_pending(BITS[side])} AND to_{side}{somebody} ORDER BY id",
        kind=f"'{handler.name}'",
        destination=f"'{MAIL_SERVER}'",
        event_type=f"'{MESSAGE}'",
        scheduled_at=f"clock_timestamp() + interval '{wait_seconds} s'",
    )
    ctes = f"{handler.name.replace('.', '_')}_rows AS (\n    {rows})"
    return DurableEffect(handler.name, BITS[side], ctes, leaves_to=MAIL_SERVER, handler=handler)


def _no_longer_due(side: str, waits: bool) -> str:
    """SQL over the side effect `s`: why its e-mail is not wanted any more."""
    return gate.no_longer_due(
        """FROM messages m CROSS JOIN LATERAL (SELECT buyer_email FROM orders WHERE id = m.order_id OFFSET 0) AS o
        WHERE m.id = s.event_id""",
        erased="o.buyer_email = ''",
        owner=f"'{side}:' || m.{side}_id",
        kind=f"'{MESSAGE_CREATED}'",
        waits=str(waits).lower(),
        seen=f"""(EXISTS (SELECT FROM message_marks k
                WHERE k.order_id = m.order_id AND k.reader_role = '{side}' AND k.up_to >= m.id)
            OR EXISTS (SELECT FROM notifications n WHERE n.event_id = m.id AND n.kind = 'message'
                AND n.recipient_role = '{side}' AND n.read_at IS NOT NULL))""",
    )


def _attempt(given: Given, staff: StaffMail, withdrawn: AskAgain, send: SendTo, claimed: Claimed) -> Outcome:
    if outcome := withdrawn(staff.post.run, claimed):
        return outcome
    rows = staff.post.run(MAIL_OF_MESSAGE, (claimed.event_id,))
    if not rows:
        return Outcome("dead", "the message does not exist any more")
    return send(given, staff, claimed, MailedMessage(*rows[0]))


def _to_buyer(given: Given, staff: StaffMail, claimed: Claimed, message: MailedMessage) -> Outcome:
    owner = f"buyer:{message.buyer_id}"
    if held := _held(given, staff.post, claimed, "buyer", owner):
        return held
    link = given.make_link(message.order_id, message.buyer_id)[0] if given.make_link else ""
    reader = Reader("buyer", owner, message.email, message.name, message.language, link)
    shop = Shop.of(message.shop, message.logo, message.colour, message.reply_to)
    return staff.post.send(_letter(given, staff.post, message, claimed.message_id, reader, shop))


def _to_seller(given: Given, staff: StaffMail, claimed: Claimed, message: MailedMessage) -> Outcome:
    people = staff.people([("seller", message.seller_id)], message.author)
    link = given.settings.link(f"/seller/orders/{message.order_id}") if given.make_link else ""

    def hold(person: Addressee) -> Outcome | None:
        return _held(given, staff.post, claimed, "seller", person.owner)

    def write(person: Addressee) -> Letter:
        reader = Reader("seller", person.owner, person.email, person.name, person.language, link)
        return _letter(given, staff.post, message, f"{claimed.message_id}.{person.id}", reader, Shop())

    return staff.send(claimed, people, write, hold)


def _held(given: Given, post: Post, claimed: Claimed, side: str, owner: str) -> Outcome | None:
    rule = given.workflow.notices.rule(MESSAGE_CREATED, side)
    return gate.held(post.run, claimed, Addressed(rule, MESSAGE_CREATED, owner))


class Reader(NamedTuple):
    """Whom a letter is for."""

    side: str
    owner: str
    email: str
    name: str
    language: str | None
    link: str


def _letter(given: Given, post: Post, message: MailedMessage, id: str, reader: Reader, shop: Shop) -> Letter:
    language = given.language(reader.language)
    notices, number = given.workflow.in_language(language).notices, bare(message.number)
    with languages.in_language(language):
        text = notices.texts.get((MESSAGE_CREATED, reader.side))
        values = {
            "greeting": greeting(reader.name),
            "sentence": folded(sentences.notice(text, number, "") if text else sentences.order_title(number)),
            "link": reader.link,
        }
    unsubscribe = post.unsubscribing(reader.owner, MESSAGE_CREATED)
    return Letter(reader.email, language, "message", values, id, f"order.{message.order_id}", shop, unsubscribe)
