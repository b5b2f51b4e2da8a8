"""The e-mail to the buyer about a new status."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

import orjson

from foundation import sql
from foundation.connections import PreparedPool
from foundation.one_line import folded
from notifications.email import MAIL_SERVER, Mail
from orders import json_sql
from orders.effects import due
from orders.effects.given import Given
from orders.effects.notification import CORRECTION
from orders.effects.outgoing import outgoing
from orders.schemas import bare
from side_effects.effects import Effect, Run
from side_effects.kinds import SMTP_COOLDOWN_SECONDS, Claimed, Kind
from side_effects.retry import Outcome

BIT = 7
STATUS_MAIL = "email.status"

CONCURRENCY = 16
"""E-mails in progress at once, per process: at 100 ms each that is 160 a second."""

LINK = re.compile(r"://|www\.|[@/\\]|\w\.\w\w", re.IGNORECASE)
"""What mail clients turn into links: a scheme, an address, a domain with or without one."""

SQL = sql.beside(__file__, events=json_sql.EVENTS, parcels=json_sql.parcels("o.tracking", "o.parcels"))
ADDRESSED = SQL.prepared("mail_of_event")


def effects(given: Given) -> tuple[Effect, ...]:
    """The e-mail, if a mail server is configured, with a link to the order if `PUBLIC_URL` is."""
    read = PreparedPool(given.settings.dsn, 1, "mail").run
    notices = given.workflow.notices
    handler = Kind(
        STATUS_MAIL,
        due.when_due(notices, read, partial(_attempt, given, read)),
        concurrency=CONCURRENCY,
        longest_cooldown=SMTP_COOLDOWN_SECONDS,
        no_longer_due=due.no_longer_due(notices),
    )
    mail = outgoing(
        BIT,
        handler,
        MAIL_SERVER,
        enabled=given.mailer is not None,
        only=due.mailed(notices),
        to_buyer=True,
        on_resending=True,
        scheduled_at=due.scheduled_at(notices),
    )
    return (mail,)


def _attempt(given: Given, read: Run, claimed: Claimed) -> Outcome:
    assert given.mailer is not None  # or the effect would not be enabled
    rows = read(ADDRESSED, (claimed.event_id,))
    if not rows:
        return Outcome("dead", "what it speaks of does not exist any more")
    email, name, number, type, status, reason, parcels, order_id, buyer_id, shop, reply_to = rows[0]
    if not email:
        return Outcome("dead", "the buyer's address was erased")
    known = given.workflow.statuses.get(status)
    notice = known.notify.get("buyer") if known else None
    if notice is None:
        return Outcome("dead", f"the workflow has no text for {status} any more")
    sentence = (CORRECTION if type == "order.corrected" else "") + folded(notice.replace("{number}", bare(number)))
    text = f"{greeting(name)}\n\n{sentence}\n" + (f"\nReason given: {reason}\n" if reason else "")
    if known and known.tracking:
        text += "".join(f"\nParcel: {_described(one)}\n" for one in orjson.loads(parcels or "[]"))
    if given.make_link:
        text += f"\nFollow it here: {given.make_link(order_id, buyer_id)[0]}\n"
    return given.mailer.send(Mail(email, sentence, text, claimed.message_id, (shop, reply_to) if reply_to else None))


def _described(parcel: Mapping[str, Any]) -> str:
    """Carrier, number, expected day and link of a parcel, for the text of an e-mail."""
    expected = parcel.get("expected_on")
    day = f", expected {written_day(date.fromisoformat(expected))}" if expected else ""
    link = parcel.get("url")
    return f"{folded(parcel['carrier'])} {folded(parcel['number'])}{day}" + (f"\n{link}" if link else "")


def written_day(day: date) -> str:
    """A date as `1 December 2026`."""
    return f"{day.day} {day:%B %Y}"


def greeting(name: str) -> str:
    """The first line. The name is chosen by the buyer, and the e-mail carries our sender address: it is one line, and a
    name that a mail client would turn into a link is omitted."""
    name = folded(name)
    return f"Hello {name}," if name and not LINK.search(name) else "Hello,"
