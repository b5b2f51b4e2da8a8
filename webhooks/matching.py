"""Which endpoints an event is sent to: the SQL by which the batch that completes events writes their deliveries."""

from __future__ import annotations

from side_effects.insertion import insert
from webhooks.models import MARKETPLACE

KIND = "webhook.delivery"
"""The kind of side effect that a delivery is."""

DESTINATION = "webhook:"
"""Followed by the endpoint's id: each has a circuit, a rate and an order of its own."""

TYPES = ("order.created", "order.status_changed", "order.corrected", "order.updated", "message.created")
"""What endpoints can ask for."""

PATTERNS = (*TYPES, "order.*", "message.*", "*")
"""What an endpoint can ask for; a family includes types that are added later."""

MATCHES = "w.event_types && ARRAY[{type}, split_part({type}, '.', 1) || '.*', '*']"


def deliveries(source: str, *, name: str, event_type: str, type: str, where: str, status: str | None = None) -> str:
    """A CTE that writes a delivery of each row of `source` to each endpoint that matches; disabled ones get theirs when
    they are enabled again.

    The rows have `id`, `order_id`, `request_id` and `seller_id`; `type`, `where` and `status` are SQL over `c`. Each
    endpoint is looked up by its seller: where there is none, this reads one empty page of an index.
    """
    filtered = f"AND (w.statuses IS NULL OR {status} = ANY(w.statuses))" if status else ""
    rows = insert(
        f"""{source} c CROSS JOIN LATERAL (
        SELECT w.id FROM webhook_endpoints w WHERE w.seller_id = ANY(ARRAY[{MARKETPLACE}, c.seller_id])
            AND {MATCHES.format(type=type)} {filtered} OFFSET 0) AS asked
    WHERE {where} ORDER BY c.id, asked.id""",
        kind=f"'{KIND}'",
        destination=f"'{DESTINATION}' || asked.id",
        event_type=f"'{event_type}'",
        event_id="c.id",
        order_id="c.order_id",
        request_id="c.request_id",
    )
    return f"{name} AS (\n    {rows})"


def endpoint_of(destination: str) -> str:
    """SQL for the id of the endpoint that a destination names, NULL if it names none; `destination` is SQL too."""
    return f"""(CASE WHEN {destination} ~ '^{DESTINATION}[0-9]{{1,18}}$'
            THEN substr({destination}, {len(DESTINATION) + 1})::bigint END)"""
