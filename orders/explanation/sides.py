"""The inbox and the e-mails of an event: for each side and person what they got, or by which rule they did not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from access.addressees import MOST_PEOPLE
from notifications.rules import SIDES, NotificationRule, Preferences, Side, WayName
from orders.effects.email import BIT as EMAIL_BIT
from orders.effects.email import STATUS_MAIL
from orders.effects.new_order_email import BIT as NEW_ORDER_BIT
from orders.effects.new_order_email import NEW_ORDER_MAIL
from orders.effects.notification import GENERIC_BIT, STATUS_BIT
from orders.explanation.causes import Explained, Ruling
from orders.explanation.facts import EventFacts, Row
from orders.explanation.rulings import deferred, ruling_of
from orders.workflow_notices import ORDER_CREATED, Notices
from side_effects.kinds import Kind

INBOX_BITS = (STATUS_BIT, GENERIC_BIT)
INBOX_EFFECTS = ("notification.status", "notification.generic")


class Notified:
    """Both sides of one event."""

    def __init__(self, facts: EventFacts, notices: Notices, kinds: dict[str, Kind]) -> None:
        self._facts, self._event, self._notices, self._kinds = facts, facts.event, notices, kinds

    def inbox(self) -> Iterator[Explained]:
        """The inbox of each side."""
        for side in SIDES:
            found = [one for one in self._facts.inbox if one["recipient_role"] == side]
            node = Explained("inbox", self._owner(side), self._of_inbox(side, found), "notification.status")
            if found:
                read = [one["read_at"] for one in found if one["read_at"]]
                node.id, node.seen_at = found[-1]["id"], max(read, default=None)
            yield node

    def emails(self) -> Iterator[Explained]:
        """The buyer's e-mail, and those of the shop's people."""
        yield self._to_buyer()
        yield self._to_shop()

    def _of_inbox(self, side: Side, found: list[Row]) -> Ruling:
        if found:
            return Ruling("done", "done", found[0]["created_at"])
        why = self._why_not(side, "inbox")
        waiting = next(filter(None, map(self._facts.waiting, INBOX_BITS)), None)
        if why is None and waiting is None:
            failed = (deferred(self._facts, name, self._kinds) for name in INBOX_EFFECTS)
            waiting = next(filter(None, failed), None)
        if waiting and why is None:
            return waiting
        if why is None and side == "buyer" and self._event["erased"]:
            why = "erased"
        return self._skipped(why)

    def _to_buyer(self) -> Explained:
        owner = self._owner("buyer")
        row = self._row(STATUS_MAIL)
        if row is not None:
            return self._of_row(owner, row, "buyer")
        why = self._why_not("buyer", "email")
        ruling = self._facts.waiting(EMAIL_BIT)
        if ruling is None or why is not None:
            off = why is None and not self._facts.has(EMAIL_BIT)
            ruling = self._skipped("no_mail_server" if off else why)
        return Explained("email", owner, ruling, STATUS_MAIL)

    def _to_shop(self) -> Explained:
        owner, row = self._owner("seller"), self._row(NEW_ORDER_MAIL)
        if row is not None:
            node = self._of_row(owner, row, "seller")
            node.children += [self._of_person(number, one, node) for number, one in enumerate(self._facts.people, 1)]
            return node
        why = self._why_not("seller", "email")
        ruling = self._facts.waiting(NEW_ORDER_BIT)
        if why is not None or ruling is None:
            if why is None and not self._facts.has(NEW_ORDER_BIT):
                why = "no_mail_server"
            ruling = self._skipped(why or "no_people")
        node = Explained("email", owner, ruling, NEW_ORDER_MAIL)
        if why is None:
            node.children += [
                Explained("email", f"person:{one['id']}", Ruling("skipped", cause), NEW_ORDER_MAIL)
                for one in self._facts.people
                if (cause := self._excluded(1, one, self._event["at"]))
            ]
        return node

    def _of_person(self, number: int, person: Row, whole: Explained) -> Explained:
        """One of the shop's people: what they have a digest for, or a letter, or why they have neither."""
        owner, ruling = f"person:{person['id']}", whole.ruling
        chosen = self._facts.preferences(owner)
        if excluded := self._excluded(number, person, ruling.at if ruling.state == "done" else None):
            ruling = Ruling("skipped", excluded)
        elif owner in self._facts.digests:
            ruling = self._of_digest(owner)
        elif chosen.choice(ORDER_CREATED, "email") == "off":
            ruling = Ruling("skipped", "preference")
        elif at := self._facts.letters.get(person["id"]):
            ruling = Ruling("done", "accepted", at)
        return Explained("email", owner, ruling, NEW_ORDER_MAIL)

    def _excluded(self, number: int, person: Row, at: datetime | None) -> str:
        """Why this person was not written to at that time, or is not now, whatever the table says; empty if not so."""
        if person["disabled_at"] and (at is None or person["disabled_at"] <= at):
            return "person_disabled"
        if self._event["actor_via"] == f"person:{person['id']}":
            return "own"
        if at is not None and person["created_at"] > at:
            return "joined_later"
        active = [one for one in self._facts.people[:number] if not one["disabled_at"]]
        return "staff_limit" if len(active) > MOST_PEOPLE else ""

    def _of_row(self, owner: str, row: Row, side: Side) -> Explained:
        rule, chosen = self._rule(side), self._facts.preferences(owner)
        way = rule.way("email")
        usual = "unless_seen" if way and way.wait_seconds else "paced"
        ruling = ruling_of(row, self._kinds.get(row["kind"]), self._event["now"], usual)
        if ruling.state == "done" and rule.critical:
            ruling = replace(ruling, cause="critical") if _kept_out(chosen, self._kind(side)) else ruling
        if ruling.cause == "digest" and owner in self._facts.digests:
            ruling = self._of_digest(owner)
        return Explained("email", owner, ruling, row["kind"], row["id"], row["attempts"])

    def _of_digest(self, owner: str) -> Ruling:
        """What became of the digest that it is in."""
        one = self._facts.digests[owner]
        row = self._facts.digest_rows.get(one["id"])
        if row is None:
            return Ruling("unknown", "pruned", one["due_at"])
        ruling = ruling_of(row, self._kinds.get(row["kind"]), self._event["now"], "digest")
        if ruling.state == "done":
            return replace(ruling, cause="collected")
        return replace(ruling, cause="digest") if ruling.cause == "due" else ruling

    def _why_not(self, side: Side, way: WayName) -> str | None:
        """The rule by which this side is not notified; None if it is by none of these."""
        event, rule = self._event, self._rule(side)
        if event["edited"] and not (event["resent"] and side == "buyer"):
            return "edit"
        if way == "inbox" and event["actor_role"] == side:
            return "own"
        created = event["type"] == ORDER_CREATED  # e-mails are to the shop of a new order, and to the buyer of all else
        if rule.way(way) is None or (way == "email" and created != (side == "seller")):
            return "table"
        if side == "buyer" and not event["notify"]:
            return "silent"
        return (
            "preference" if self._facts.preferences(self._owner(side)).choice(self._kind(side), way) == "off" else None
        )

    def _skipped(self, why: str | None) -> Ruling:
        return Ruling("skipped", why) if why else Ruling("unknown", "not_recorded")

    def _row(self, kind: str) -> Row | None:
        return next((one for one in self._facts.rows if one["kind"] == kind), None)

    def _owner(self, side: Side) -> str:
        return f"{side}:{self._event[f'{side}_id']}"

    def _kind(self, side: Side) -> str:
        return self._notices.kind(self._event["type"], self._event["to_status"], side)

    def _rule(self, side: Side) -> NotificationRule:
        return self._notices.rule(self._kind(side), side)


def _kept_out(chosen: Preferences, kind: str) -> bool:
    """Whether this person would get it later, were it not critical."""
    return bool(chosen.quiet) or chosen.choice(kind, "email") in ("hourly", "daily")
