"""Which side effects are meant: what a page lists, what an action concerns, and what an operator's job keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

IDS_SHOWN = 20
"""Ids that are named in words."""

TIMEOUTS = ("timeout", "timed out", "no answer within")
"""How the clients of others, and we, say it."""

OF_ORDERS = """s.id = ANY(ARRAY(SELECT x.id FROM (
        SELECT t.type, e.id FROM order_events e CROSS JOIN (VALUES ('order'), ('timer')) AS t (type)
        WHERE e.order_id = ANY(:orders)
        UNION ALL SELECT 'message', m.id FROM messages m WHERE m.order_id = ANY(:orders)) AS caused (type, id)
    JOIN side_effects x ON x.event_type = caused.type AND x.event_id = caused.id))"""
"""Effects are found by their events, and those by their order: no index of effects has the order of finished ones."""

CONDITIONS = {
    "ids": "s.id = ANY(:ids)",
    "kind": "s.kind = :kind",
    "family": "(s.kind = :family OR starts_with(s.kind, :family || '.'))",
    "fingerprint": "s.fingerprint = :fingerprint",
    "destination": "s.destination = :destination",
    "error": """EXISTS (SELECT FROM unnest(CAST(:errors AS text[])) AS w (word)
        WHERE strpos(lower(s.last_error), lower(w.word)) > 0)""",
    "orders": OF_ORDERS,
    "shop": """EXISTS (SELECT FROM orders o WHERE o.id = s.order_id AND o.seller_id = :shop)""",
    "request": "s.request_id = :request",
    "attempts": "s.attempts >= :attempts",
    "since": "s.created_at >= :since",
    "until": "s.created_at < :until",
    "status": "s.status = :status",
}
"""SQL over `s` by the name of a field."""

_RUNNING = "s.claimed_until > '-infinity'"
"""Which has an index."""


@dataclass(frozen=True)
class Selection:
    """Side effects for which all given conditions hold."""

    ids: tuple[int, ...] = ()
    kind: str | None = None
    family: str | None = None
    """This kind, or all whose names begin with it and a full stop."""

    fingerprint: str | None = None
    destination: str | None = None
    error: str | None = None
    """In any part of the error, in either case."""

    orders: tuple[int, ...] | None = None
    """Of any of these; with an empty tuple, nothing is selected."""

    shop: int | None = None
    request: str | None = None
    attempts: int | None = None
    """At least so many."""

    since: str | None = None
    until: str | None = None
    status: str | None = None

    @classmethod
    def read(cls, members: Mapping[str, Any]) -> Self:
        """The one that was kept as JSON."""
        given: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in members.items()}
        return cls(**given)

    @property
    def members(self) -> dict[str, Any]:
        """What was given, as it is kept."""
        given = asdict(self)
        return {name: value for name, value in given.items() if value is not None and (value != () or name == "orders")}

    def where(self) -> tuple[str, dict[str, Any]]:
        """SQL over `s`, and its parameters."""
        conditions = [CONDITIONS[name] for name in self.members] + [_RUNNING] * (self.status == "running")
        values: dict[str, Any] = {
            name: list(one) if isinstance(one, tuple) else one for name, one in self.members.items()
        }
        if (word := values.pop("error", None)) is not None:
            values["errors"] = list(TIMEOUTS) if word.lower() == "timeout" else [word]
        return " AND ".join(conditions) or "true", values

    def __str__(self) -> str:
        return ", ".join(f"{name} {_in_words(value)}" for name, value in self.members.items()) or "all"


def _in_words(value: object) -> str:
    if not isinstance(value, tuple):
        return str(value)
    more = f" and {len(value) - IDS_SHOWN} more" if len(value) > IDS_SHOWN else ""
    return ", ".join(map(str, value[:IDS_SHOWN])) + more
