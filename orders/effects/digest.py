"""The e-mail of a digest: a line for each thing that its window has collected for one person."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from foundation import sql
from foundation.one_line import folded
from notifications import digests, gate, preferences
from notifications.email import Mail
from notifications.quiet_hours import quiet_until
from notifications.rules import Preferences
from orders.effects.given import Given
from orders.effects.notification import CORRECTION
from orders.outbox_entry import EVENT_TYPE
from orders.schemas import bare
from orders.workflow_notices import MESSAGE_CREATED, ORDER_CORRECTED, Notices
from side_effects.effects import Run
from side_effects.kinds import SMTP_COOLDOWN_SECONDS, Claimed, Kind
from side_effects.retry import Outcome

SQL = sql.beside(__file__, event_type=EVENT_TYPE)
ENTRIES = SQL.prepared("entries_of_digest")
ADDRESS_OF_PERSON = SQL.prepared("address_of_person")

NOTHING = "nothing is left"
DIGESTS_AT_ONCE = 4


class Entry(NamedTuple):
    """Something that happened to an order."""

    type: str | None
    """None for a message."""
    to_status: str | None
    number: str
    order_id: int
    buyer_id: int
    buyer_email: str

    def kind(self, notices: Notices, side: str) -> str:
        """Its kind in the table."""
        return notices.kind(self.type, self.to_status or "", side) if self.type else MESSAGE_CREATED

    def sentence(self, notices: Notices, side: str) -> str:
        """Its text in the table."""
        kind = self.kind(notices, side)
        text = notices.texts.get((kind if kind != ORDER_CORRECTED else self.to_status or "", side), "Order #{number}")
        before = CORRECTION if self.type == ORDER_CORRECTED else ""
        return before + folded(text.replace("{number}", bare(self.number)))


@dataclass(frozen=True)
class Recipient:
    """Whom a digest is for."""

    owner: str
    side: str
    preferences: Preferences

    @classmethod
    def of(cls, owner: str, chosen: Preferences) -> Recipient:
        return cls(owner, "buyer" if owner.startswith("buyer:") else "seller", chosen)

    def wants(self, entry: Entry, notices: Notices) -> bool:
        """Whether this kind was not turned off meanwhile."""
        return self.preferences.choice(entry.kind(notices, self.side), "email") != "off"


def handlers(given: Given) -> tuple[Kind, ...]:
    """The handler of digests, if a mail server is configured. No change has it as an effect: an e-mail that is to be
    collected brings it about."""
    if given.post is None:
        return ()
    attempt = partial(_attempt, given, given.post.run)
    return (Kind(digests.KIND, attempt, concurrency=DIGESTS_AT_ONCE, longest_cooldown=SMTP_COOLDOWN_SECONDS),)


def _attempt(given: Given, read: Run, claimed: Claimed) -> Outcome:
    assert given.post is not None  # or there would be no handler
    owner = digests.close(read, claimed.event_id)
    if owner is None:
        return Outcome("dead", "what it speaks of does not exist any more")
    chosen, now = preferences.of(read, owner)
    if quiet_end := quiet_until(chosen.quiet, chosen.zone, now):
        return Outcome("later", gate.QUIET, (quiet_end - now).total_seconds())
    to, notices = Recipient.of(owner, chosen), given.workflow.notices
    entries = [one for row in read(ENTRIES, (claimed.event_id,)) if to.wants(one := Entry(*row), notices)]
    address = _address(read, owner, entries)
    if not entries or not address:
        return Outcome("superseded", NOTHING)
    sentences = [one.sentence(notices, to.side) for one in entries]
    subject = sentences[0] if len(entries) == 1 else f"{len(entries)} updates about your orders"
    lines = [_line(given, to.side, entry, text) for entry, text in zip(entries, sentences, strict=True)]
    return given.post.mailing.send(Mail(address, subject, "\n".join(["Hello,", "", *lines]), claimed.message_id))


def _address(read: Run, owner: str, entries: list[Entry]) -> str:
    """The person's, or the one that the buyer gave with the latest of these orders."""
    kind, _, id = owner.partition(":")
    if kind == "buyer":
        return entries[-1].buyer_email if entries else ""
    rows = read(ADDRESS_OF_PERSON, (int(id),)) if kind == "person" else []
    return rows[0][0] if rows else ""


def _line(given: Given, side: str, entry: Entry, sentence: str) -> str:
    if side == "seller" or given.make_link is None:
        return f"- {sentence}"
    return f"- {sentence}\n  {given.make_link(entry.order_id, entry.buyer_id)[0]}"
