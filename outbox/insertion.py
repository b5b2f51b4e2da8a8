"""The SQL that writes outbox entries, as part of the statement that writes their events."""

from __future__ import annotations

from side_effects.liveness import LEASE_SECONDS


def insert(
    event_type: str,
    source: str,
    *,
    pending: str,
    request_id: str,
    owner: str,
    now: str = "clock_timestamp()",
    lease: str = f"interval '{LEASE_SECONDS} s'",
) -> str:
    """SQL that writes the outbox entry of each event in `source`, to stand in a CTE; it returns (id, event_id).

    `source` is what follows FROM: the events, with `id` and `order_id`. The rest is SQL: `pending` for the bits of the
    effects, `request_id` for the id of the request, `owner` for the process that will dispatch the entries; its `lease`
    begins at `now`.
    """
    return f"""INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, owner, lease_until)
        SELECT '{event_type}', id, order_id, {pending}, {request_id}, {owner}, {now} + {lease}
        FROM {source} RETURNING id, event_id"""
