"""What support looks for and reads: orders by whatever is known of them, and what followed from an event."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from access import sellers
from access.principal import Principal
from dashboard.context import PageContext
from foundation.languages import N_
from foundation.logs import PLAIN_REQUEST_ID
from orders import listing
from orders.explanation.causes import CAUSES, Explained
from orders.explanation.tree import Explanation

MOST_FOUND = 50
CHARACTERS = 100
"""Of what is looked for, as in the list of orders."""

NODES = {
    "change": N_("The change"),
    "live": N_("Live"),
    "reader": N_("Stream"),
    "inbox": N_("Inbox"),
    "email": N_("E-mail"),
    "signal": N_("Receivers"),
    "receiver": N_("Receiver"),
    "message": N_("Message in the conversation"),
    "webhook": N_("Webhook"),
    "attempt": N_("Attempt"),
    "timer": N_("Timed transition"),
    "effect": N_("Effect"),
}
RULING_STATES = {
    "done": (N_("Done"), "check"),
    "waiting": (N_("Waits"), "dots"),
    "failed": (N_("Failed"), "warning"),
    "skipped": (N_("Not done"), "dots"),
    "unknown": (N_("Not known"), "dots"),
}
"""The word and the icon of each state of a node."""


def found(context: PageContext, principal: Principal, text: str) -> list[dict[str, Any]]:
    """The newest orders that are known by this text, first those that a request of this id has changed; each with the
    name of its shop."""
    text = text.strip()[:CHARACTERS]
    if not text:
        return []
    wanted = listing.Wanted(limit=MOST_FOUND)
    ways = [replace(wanted, terms=text)]
    if PLAIN_REQUEST_ID.fullmatch(text):
        ways.insert(0, replace(wanted, request_id=text))
    orders = [orjson.loads(one) for way in ways for one in listing.page(context.workflow, principal, way)[0]]
    once = list({one["id"]: one for one in orders}.values())[:MOST_FOUND]
    names = {id: sellers.name_of(id) for id in {one["seller_id"] for one in once}}
    return [one | {"shop": names[one["seller_id"]]} for one in once]


def shop_of(order: dict[str, Any]) -> str | None:
    """The name of the order's shop, if it has given itself one."""
    return sellers.name_of(order["seller_id"])


@dataclass(frozen=True)
class ShownNode:
    """A node of the tree as the page shows it, in English; the template translates."""

    title: str
    to: str
    state: str
    state_text: str
    icon: str
    reason: str
    error: str
    at: datetime | None
    seen_at: datetime | None
    attempts: int
    children: tuple[ShownNode, ...]

    @classmethod
    def of(cls, node: Explained) -> ShownNode:
        ruling = node.ruling
        state_text, icon = RULING_STATES[ruling.state]
        return cls(
            NODES.get(node.kind, node.kind),
            node.to or ("" if node.kind in NODES else node.effect),
            ruling.state,
            state_text,
            icon,
            CAUSES[ruling.cause],
            ruling.error,
            ruling.at,
            node.seen_at,
            node.attempts,
            tuple(map(cls.of, node.children)),
        )


def shown(explanation: Explanation) -> list[ShownNode]:
    """What followed from the event."""
    return [ShownNode.of(one) for one in explanation.root.children]
