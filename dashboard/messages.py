"""Texts for people: button labels, the names of actors, and why a change was refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from access.principal import DEMO, Principal
from dashboard.people import CAST
from foundation.errors import AppError
from orders.workflow import Workflow

TEXTS = {
    "changed": "Order #{number} is now “{status}”.",
    "stale": "{actor} changed this order to “{status}” before you.",
    "stale_but_possible": "{actor} changed this order to “{status}” before you. Check it and try again.",
    "impossible": "This order is “{status}” now, so this is no longer possible.",
    "someone": "Someone",
    "you": "You",
    "former": "{person} (former member)",
    "erased": "Former member",
    "by_key": "{key} (API key)",
    "go": "{action}, order {number}",
    "more": "More for order {number}",
    "only_choice": "{action}…",
    "choose": "Choose…",
    "correct": "Correct a mistake…",
    "correct_to": "Correct to “{status}”",
    "corrected": "{who} · correction",
    "silent": "{who} · buyer not notified",
    "ahead": "not yet",
    "item": "1 item",
    "items": "{count} items",
    "open": "{count} open",
    "hidden": "{count} more",
    "unread": "Notifications, {count} unread",
    "expected": "Expected {day}",
    "due": "Due",
    "late": "Late",
    "edited": "Changed: {members}",
    "resent": "Notification sent again",
    "parcels": "parcels",
    "buyer_name": "name",
    "buyer_email": "e-mail address",
    "delivery": "delivery address",
    "note": "note",
    "due_at": "due date",
    "metadata": "metadata",
    "external_id": "external id",
    "tags": "tags",
}
"""Written by the server and by the page's script: the script is given this table (`text` in static/page.js)."""

ACTORS = {
    "buyer": {
        "seller": "The shop",
        "buyer": "Your account",
        "operator": "Support",
        "service": "The marketplace",
        "system": "Onward",
    },
    "seller": {
        "seller": "Your shop",
        "buyer": "The buyer",
        "operator": "Operator",
        "service": "The marketplace",
        "system": "Onward",
    },
    "operator": {
        "seller": "Seller",
        "buyer": "Buyer",
        "operator": "Operator",
        "service": "The marketplace",
        "system": "Onward",
    },
}
ACTORS["auditor"] = ACTORS["operator"]
"""By the reader's role, then the actor's: a buyer never sees the names of a shop's staff."""


def edited(members: Sequence[str]) -> str:
    """What happened beside a change of the status, for the history."""
    if not members:
        return text("resent")
    return text("edited", members=", ".join(TEXTS.get(name, name) for name in members))


def text(name: str, **values: object) -> str:
    """One of the texts, with its placeholders filled in."""
    return TEXTS[name].format(**values)


def verb(workflow: Workflow, source: str, target: str, label: str) -> str:
    """The button label of this transition."""
    if workflow.is_correction(source, target):
        return text("correct_to", status=label)
    return workflow.action(source, target) or f"Mark {label.lower()}"


def actors(principal: Principal, buyer_name: str | None = None) -> dict[str, str]:
    """The name of each role for this reader; the buyer of a known order by name, and the demo's users, by account."""
    names = dict(ACTORS[principal.role]) | ({one.principal.who: one.name for one in CAST} if principal.demo else {})
    if principal.role != "buyer" and buyer_name:
        names["buyer"] = buyer_name
    return names


def who(acting: Mapping[str, Any], principal: Principal, names: Mapping[str, str]) -> str:
    """The name of who acted, for this reader: `You` only if it is the very person. As `nameOf` in static/page.js."""
    account = f"{acting['role']}:{acting['id']}"
    if account == principal.who and principal.via and principal.via == _via(acting):
        return TEXTS["you"]
    if person := acting.get("person"):
        name = person["name"] or ""
        return text("former", person=name) if name and person["former"] else name or TEXTS["erased"]
    if key := acting.get("api_key"):
        return text("by_key", key=key["name"] or key["id"])
    return names.get(account if acting.get("demo") else "", names.get(acting["role"], TEXTS["someone"]))


def _via(acting: Mapping[str, Any]) -> str | None:
    return f"person:{acting['person']['id']}" if "person" in acting else DEMO if "demo" in acting else None


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
        return "Give a reason."
    if error.code == "idempotency_mismatch":
        return "This form was already submitted. Check the order and try again."
    return error.detail
