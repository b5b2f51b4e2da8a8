"""Why somebody was notified of an event, or was not: for each person and way what happened, and which rule said so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from foundation import sql
from foundation.db import db
from foundation.errors import NotFound
from notifications import gate, preferences
from notifications.rules import SIDES, NotificationRule, Preferences, Side, WayName
from orders.effects.email import BIT as EMAIL_BIT
from orders.effects.email import STATUS_MAIL
from orders.effects.notification import GENERIC_BIT, STATUS_BIT
from orders.outbox_entry import RESENT
from orders.workflow_notices import ORDER_CREATED, Notices

SQL = sql.beside(__file__, resent=RESENT)
EXPLAINED_EVENT = SQL.text("explained_event")
EXPLAINED_INBOX = SQL.text("explained_inbox")
EXPLAINED_EMAILS = SQL.text("explained_emails")
EXPLAINED_DIGESTS = SQL.text("explained_digests")

State = Literal["sent", "waiting", "not_sent", "failed"]
INBOX_BITS = 1 << GENERIC_BIT | 1 << STATUS_BIT

SENTENCES = {
    "table": "The workflow table names no such way for this kind.",
    "preference": "The recipient has turned it off.",
    "own": "The recipient made the change.",
    "silent": "The change asked not to notify the buyer.",
    "edit": "Nobody is notified of an edit.",
    "due": "It is about to be sent.",
    "no_mail_server": "No mail server is configured, or there was none at the time.",
    "sent": "",
}


@dataclass(frozen=True)
class Explained:
    """One person and way."""

    side: Side
    recipient: str
    way: str
    state: State
    rule: str
    reason: str
    at: datetime | None = None
    seen_at: datetime | None = None


def explain(notices: Notices, order_id: int, event_id: int | None) -> dict[str, Any]:
    """The event, and each person and way; raises NotFound if the order has no such event."""
    event = db.session.execute(EXPLAINED_EVENT, {"order_id": order_id, "event_id": event_id}).mappings().one_or_none()
    if event is None:
        raise NotFound("No such event of this order.")
    explained = Explanation(notices, dict(event))
    return {
        "order_id": event["order_id"],
        "event": {name: event[name] for name in ("id", "type", "version", "to_status", "at")},
        "notified": [vars(one) for one in explained.lines()],
    }


class Explanation:
    """Of one event."""

    def __init__(self, notices: Notices, event: Mapping[str, Any]) -> None:
        self._notices, self._event = notices, event
        values = {"event_id": event["id"]}
        of_order = values | {"order_id": event["order_id"]}
        self._inbox = {side: (at, seen) for side, at, seen in db.session.execute(EXPLAINED_INBOX, values)}
        self._emails = {one["kind"]: dict(one) for one in db.session.execute(EXPLAINED_EMAILS, values).mappings()}
        self._digests = {one["owner"]: dict(one) for one in db.session.execute(EXPLAINED_DIGESTS, of_order).mappings()}

    def lines(self) -> Iterator[Explained]:
        """Both sides, each by both ways; people of the shop whose e-mail was collected by themselves."""
        for side in SIDES:
            owner = f"{side}:{self._event[f'{side}_id']}"
            kind = self._notices.kind(self._event["type"], self._event["to_status"], side)
            rule, chosen = self._notices.rule(kind, side), preferences.chosen_by(owner)
            yield self._of_inbox(side, owner, kind, rule, chosen)
            yield self._of_email(side, owner, kind, rule, chosen)
        for owner, digest in self._digests.items():
            if owner.startswith("person:"):
                yield self._of_digest("seller", owner, digest)

    def _of_inbox(self, side: Side, owner: str, kind: str, rule: NotificationRule, chosen: Preferences) -> Explained:
        if side in self._inbox:
            at, seen = self._inbox[side]
            return Explained(
                side, owner, "inbox", "sent", "preference" if chosen.choice(kind, "inbox") else "table", "", at, seen
            )
        if self._event["pending"] & INBOX_BITS and self._event["actor_role"] != side:
            return self._line(side, owner, "inbox", "due", "waiting")
        return self._line(side, owner, "inbox", self._why_not(side, kind, "inbox", rule, chosen) or "table")

    def _of_email(self, side: Side, owner: str, kind: str, rule: NotificationRule, chosen: Preferences) -> Explained:
        own = [one for name, one in self._emails.items() if (name == STATUS_MAIL) == (side == "buyer")]
        row = own[0] if own else None
        if row is None:
            if side == "buyer" and self._event["pending"] & 1 << EMAIL_BIT:
                return self._line(side, owner, "email", "due", "waiting")
            return self._line(
                side, owner, "email", self._why_not(side, kind, "email", rule, chosen) or "no_mail_server"
            )
        return self._of_row(side, owner, row, "critical" if rule.critical else "table")

    def _of_row(self, side: Side, owner: str, row: Mapping[str, Any], usual: str) -> Explained:
        reason, status = row["last_error"], row["status"]
        if status == "superseded" and reason.startswith(gate.COLLECTED) and owner in self._digests:
            return self._of_digest(side, owner, self._digests[owner])
        rule = gate.RULES.get(reason)
        match status:
            case "succeeded":
                return Explained(side, owner, "email", "sent", usual, "", row["finished_at"])
            case "pending" | "running":
                later = rule or ("retry" if row["attempts"] else "unless_seen")
                return Explained(side, owner, "email", "waiting", later, reason, row["scheduled_at"])
            case "dead":
                return Explained(side, owner, "email", "failed", "failed", reason, row["finished_at"])
        return Explained(side, owner, "email", "not_sent", rule or "reverted", reason, row["finished_at"])

    def _of_digest(self, side: Side, owner: str, digest: Mapping[str, Any]) -> Explained:
        states: dict[str, State] = {
            "succeeded": "sent",
            "superseded": "not_sent",
            "discarded": "not_sent",
            "dead": "failed",
        }
        state = states.get(digest["status"], "waiting")
        at = digest["due_at"] if state == "waiting" else digest["finished_at"]
        return Explained(side, owner, "email", state, "digest", digest["last_error"] or "", at)

    def _why_not(self, side: Side, kind: str, way: WayName, rule: NotificationRule, chosen: Preferences) -> str | None:
        """The rule by which this side is not notified; None if it is by none of these."""
        event = self._event
        if not event["notifies"]:
            return "edit"
        if rule.way(way) is None or (way == "email" and side == "buyer" and event["type"] == ORDER_CREATED):
            return "table"
        if way == "inbox" and event["actor_role"] == side:
            return "own"
        if side == "buyer" and not event["notify"]:
            return "silent"
        return "preference" if chosen.choice(kind, way) == "off" else None

    @staticmethod
    def _line(side: Side, owner: str, way: WayName, rule: str, state: State = "not_sent") -> Explained:
        return Explained(side, owner, way, state, rule, SENTENCES[rule])
