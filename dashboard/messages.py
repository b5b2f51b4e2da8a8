"""What people read: the verbs on buttons, the names of those who act, and why something was refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from access.principal import Principal
from foundation.errors import AppError
from orders.workflow import Workflow

ACTORS = {
    "buyer": {
        "seller": "The shop",
        "buyer": "You",
        "operator": "Support",
        "service": "The marketplace",
        "system": "Onward",
    },
    "seller": {
        "seller": "You",
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
"""Reader's role, actor's role: a buyer never reads the names of a shop's staff."""


def verb(workflow: Workflow, source: str, target: str, word: str) -> str:
    """What the button for this move says."""
    return workflow.action(source, target) or f"Mark {word.lower()}"


def actors(principal: Principal, buyer_name: str | None = None) -> dict[str, str]:
    """How the reader calls each role; with an order at hand, a buyer by name."""
    names = dict(ACTORS[principal.role])
    if principal.role != "buyer" and buyer_name:
        names["buyer"] = buyer_name
    return names


def refusal(error: AppError, target: str, principal: Principal, words: Mapping[str, str]) -> str:
    """A refused move as a sentence for people, who read no status keys."""
    members: dict[str, Any] = orjson.loads(orjson.dumps(error.members))
    current = members.get("current", {})
    where = current.get("status")
    if error.code == "stale_version" and members.get("changed"):
        names = actors(principal, current.get("buyer_name"))
        actor = names.get(members["changed"]["actor"]["role"], "Somebody")
        advice = " Check it and try again." if target in members["allowed_transitions"] else ""
        return f"{actor} moved this order to “{words.get(where, where)}” before you.{advice}"
    if error.code == "illegal_transition" and where:
        return f"This order is “{words.get(where, where)}” now, so this is no longer possible."
    if error.code == "invalid_request" and "reason" in error.detail:
        return "Give a reason."
    if error.code == "idempotency_mismatch":
        return "This page was used before. Check the order and try again."
    return error.detail
