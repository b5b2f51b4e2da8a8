"""Sentences for people: button labels, the names of actors, and why a change was refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from access.principal import DEMO, Principal
from dashboard.people import CAST
from dashboard.texts import TEXTS, text
from foundation import languages
from foundation.errors import AppError
from foundation.languages import N_, gettext
from orders.consequences import TO_BUYER, Consequence
from orders.workflow import Workflow

ACTORS = {
    "buyer": {
        "seller": N_("The shop"),
        "buyer": N_("Your account"),
        "operator": N_("Support"),
        "service": N_("The marketplace"),
        "system": "Onward",
    },
    "seller": {
        "seller": N_("Your shop"),
        "buyer": N_("The buyer"),
        "operator": N_("Operator"),
        "service": N_("The marketplace"),
        "system": "Onward",
    },
    "operator": {
        "seller": N_("Seller"),
        "buyer": N_("Buyer"),
        "operator": N_("Operator"),
        "service": N_("The marketplace"),
        "system": "Onward",
    },
}
ACTORS["auditor"] = ACTORS["operator"]
"""By the reader's role, then the actor's: a buyer never sees the names of a shop's staff."""


def edited(members: Sequence[str]) -> str:
    """What happened beside a change of the status, for the history."""
    if not members:
        return text("resent")
    return text("edited", members=", ".join(gettext(TEXTS[name]) if name in TEXTS else name for name in members))


def verb(workflow: Workflow, source: str, target: str, label: str) -> str:
    """The button label of this transition."""
    if workflow.is_correction(source, target):
        return text("correct_to", status=label)
    # Only in English is a label in the middle of a sentence in lower case.
    status = label.lower() if languages.current() == languages.SOURCE else label
    return workflow.action(source, target) or text("mark_as", status=status)


def actors(principal: Principal, buyer_name: str | None = None) -> dict[str, str]:
    """The name of each role for this reader; the buyer of a known order by name, and the demo's users, by account."""
    names = {role: gettext(name) for role, name in ACTORS[principal.role].items()}
    if principal.demo:
        names |= {one.principal.who: one.name for one in CAST}
    if principal.role != "buyer" and buyer_name:
        names["buyer"] = buyer_name
    return names


def who(acting: Mapping[str, Any], principal: Principal, names: Mapping[str, str]) -> str:
    """The name of who acted, for this reader: `You` only if it is the very person."""
    account = f"{acting['role']}:{acting['id']}"
    if account == principal.who and principal.via and principal.via == _via(acting):
        return text("you")
    if person := acting.get("person"):
        name = person["name"] or ""
        return text("former", person=name) if name and person["former"] else name or text("erased")
    if key := acting.get("api_key"):
        return text("by_key", key=key["name"] or key["id"])
    return names.get(account if acting.get("demo") else "", names.get(acting["role"], text("someone")))


def said_of(events: Sequence[Mapping[str, Any]], principal: Principal, names: Mapping[str, str], view: Any) -> str:
    """The last change of an order as a sentence, for screen readers."""
    if not events:
        return ""
    last = events[-1]
    return text("last_change", status=view.labels[last["to_status"]].text, who=who(last["actor"], principal, names))


def effect_state(one: Consequence) -> str:
    """What has become of an e-mail or a webhook, and by which rule."""
    if one.status == "pending" and one.attempts:
        return text("effect_retried", count=one.attempts)
    state = text(f"effect_{one.status}")
    return f"{state}: {text(f'because_{one.reason}')}" if one.reason else state


def effect_name(one: Consequence) -> str:
    """What it is, and to whom."""
    if not one.kind.startswith("email."):
        return text("webhook")
    return text("mail_to_buyer" if one.kind in (TO_BUYER, "email.message_to_buyer") else "mail_to_shop")


def seen_by(message: int, marks: Sequence[Mapping[str, Any]], principal: Principal, names: Mapping[str, str]) -> str:
    """Who else has seen the conversation up to this message."""
    readers = [who(mark["reader"], principal, names) for mark in marks if mark["up_to"] == message]
    others = [name for name in readers if name != text("you")]
    return text("seen_by", names=", ".join(others)) if others else ""


def _via(acting: Mapping[str, Any]) -> str | None:
    return f"person:{acting['person']['id']}" if "person" in acting else DEMO if "demo" in acting else None


def edited_before(error: AppError, principal: Principal) -> str:
    """That somebody else was faster, for a form whose edit does not depend on the order's status."""
    members: dict[str, Any] = orjson.loads(orjson.dumps(error.members))
    names = actors(principal, members["current"].get("buyer_name"))
    return text("edited_before", actor=who(members["changed"]["actor"], principal, names))


def refusal(error: AppError, target: str, principal: Principal, labels: Mapping[str, str]) -> str:
    """The refusal of a change as a sentence, with status labels instead of keys."""
    members: dict[str, Any] = orjson.loads(orjson.dumps(error.members))
    current = members.get("current", {})
    where = current.get("status")
    if error.code == "stale_version" and members.get("changed"):
        names = actors(principal, current.get("buyer_name"))
        actor = who(members["changed"]["actor"], principal, names)
        name = "stale_but_possible" if target in members["allowed_transitions"] else "stale"
        return text(name, actor=actor, status=labels.get(where, where))
    if error.code == "illegal_transition" and where:
        return text("impossible", status=labels.get(where, where))
    if error.code == "invalid_request" and "reason" in error.detail:
        return gettext("Give a reason.")
    if error.code == "idempotency_mismatch":
        return gettext("This form was already submitted. Check the order and try again.")
    return gettext(error.detail)
