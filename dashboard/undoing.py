"""What a page offers to undo: the reader's own last move of an order, for as long as it is held."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from access.principal import DEMO, LINK, Principal
from foundation import clock

HOLD_SECONDS = 8
"""How long what a page's move brings about stays in the service, and the move can be undone."""

HOLDING = ("seller", "operator")
"""The roles whose moves are held."""


def hold_of(principal: Principal) -> int:
    """How long a move of this reader is held."""
    return HOLD_SECONDS if principal.role in HOLDING else 0


def seconds_left(order: Mapping[str, Any], events: Sequence[Mapping[str, Any]], me: Principal) -> int:
    """For how long the reader can still undo the order's last move, in whole seconds; 0 if not at all."""
    last = events[-1] if events else {}
    if not last.get("undo_until") or last["version"] != order["version"] or not is_mine(last["actor"], me):
        return 0
    left = (datetime.fromisoformat(last["undo_until"]) - clock.now()).total_seconds()
    return max(0, min(HOLD_SECONDS, math.ceil(left)))


def is_mine(actor: Mapping[str, Any], me: Principal) -> bool:
    """Whether this actor of an event is the reader, down to the person."""
    return (actor["role"], actor["id"], _via(actor)) == (me.role, me.id, me.via)


def _via(actor: Mapping[str, Any]) -> str | None:
    """By what it acted, as a principal has it."""
    for member, prefix in (("person", "person"), ("api_key", "key")):
        if member in actor:
            return f"{prefix}:{actor[member]['id']}"
    return DEMO if actor.get("demo") else LINK if actor.get("link") else None
