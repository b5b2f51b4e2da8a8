"""The e-mail of a digest: a line for each thing that its window has collected for one person."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from foundation import languages, sql
from foundation.one_line import folded
from notifications import digests, gate, preferences
from notifications.letters import Letter, greeting
from notifications.quiet_hours import quiet_until
from notifications.rules import Preferences
from orders import sentences
from orders.effects.given import Given
from orders.outbox_entry import EVENT_TYPE
from orders.schemas import bare
from orders.workflow_notices import MESSAGE_CREATED, ORDER_CORRECTED, Notices
from side_effects.effects import Run
from side_effects.kinds import SMTP_COOLDOWN_SECONDS, Claimed, Kind
from side_effects.retry import Outcome

SQL = sql.beside(__file__, event_type=EVENT_TYPE)
ENTRIES = SQL.prepared("entries_of_digest")
READER = SQL.prepared("reader_of_digest")

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
        """Its text in the table, in the current language."""
        kind = self.kind(notices, side)
        text = notices.texts.get((kind if kind != ORDER_CORRECTED else self.to_status or "", side))
        number = bare(self.number)
        return folded(sentences.notice(text, number, self.type or "") if text else sentences.order_title(number))


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
    kind, _, id = owner.partition(":")
    ((email, name, language),) = read(READER, (kind, int(id))) or [("", "", None)]
    # A buyer's goes to the address that was given with the latest of these orders.
    address = entries[-1].buyer_email if entries and kind == "buyer" else email
    if not entries or not address:
        return Outcome("superseded", NOTHING)
    language = given.language(language)
    with languages.in_language(language):
        values = _shown(given, to.side, name, entries, given.workflow.in_language(language).notices)
    kinds = {one.kind(notices, to.side) for one in entries}
    unsubscribe = given.post.unsubscribing(owner, kinds.pop()) if len(kinds) == 1 else ""
    return given.post.send(Letter(address, language, "digest", values, claimed.message_id, unsubscribe=unsubscribe))


def _shown(given: Given, side: str, name: str, entries: list[Entry], notices: Notices) -> dict[str, Any]:
    """What the template shows, in the current language."""
    found = [
        {
            "sentence": one.sentence(notices, side),
            "link": given.make_link(one.order_id, one.buyer_id)[0] if side == "buyer" and given.make_link else "",
        }
        for one in entries
    ]
    return {"greeting": greeting(name), "entries": found}
