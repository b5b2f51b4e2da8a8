"""The JSON of an order, its history and its live events, written once, in SQL.

The same expressions serve the PATCH's response, the lists, the history and the frames of the stream, so that they
cannot drift apart, and PostgreSQL returns text that Python passes on without parsing.
"""

from __future__ import annotations

from access.actors import acting_json, actor_json
from orders.workflow import Workflow

ORDER_MEMBERS = (
    "id",
    "number",
    "status",
    "version",
    "seller_id",
    "buyer_id",
    "buyer_name",
    "items",
    "total_minor",
    "currency",
    "tracking",
    "created_at",
    "updated_at",
)


EVENTS = """(SELECT s.*, r.reason FROM order_events s LEFT JOIN LATERAL (
        SELECT reason FROM order_reasons WHERE event_id = s.id OFFSET 0) AS r ON true)"""
"""SQL for the rows of the history with their reasons, for use after FROM; each reason is looked up by its key (OFFSET 0
keeps PostgreSQL from joining the table as a whole, see outbox/completion.py)."""


ACTOR = ',"actor":'
"""What stands between the other members of an event and its actor."""

ALLOWED = ',"allowed_transitions":'
"""What stands between an order's members and the transitions that its reader may make."""


def order_head(alias: str, **instead: str) -> str:
    """SQL for an order's JSON text without its closing brace; `instead` replaces a member's expression."""
    members = ", ".join(f"{instead.get(name, f'{alias}.{name}')} AS {name}" for name in ORDER_MEMBERS)
    return f"left((SELECT row_to_json(members)::text FROM (SELECT {members}) AS members), -1)"


def with_allowed(head: str, allowed: str) -> str:
    """SQL that ends an order's JSON with `allowed_transitions`, which depend on the reader."""
    return f"""({head} || '{ALLOWED}' || {allowed} || '}}')"""


def event_json(alias: str, reader: str) -> str:
    """SQL for a row of the history as JSON text, as the role `reader`, which is SQL, may see it."""
    actor = actor_json(f"{alias}.actor_role", f"{alias}.actor_id", f"{alias}.actor_via", reader)
    return f"""({event_head(alias)} || '{ACTOR}' || {actor} || '}}')"""


def event_head(alias: str) -> str:
    """SQL for a row of the history as JSON text, without its actor and its closing brace."""
    return f"""left((SELECT row_to_json(members)::text FROM (
        SELECT {alias}.id, {alias}.type, {alias}.version, {alias}.from_status, {alias}.to_status, {alias}.reason,
               {alias}.notify, {alias}.at) AS members), -1)"""


def acting(alias: str) -> str:
    """SQL for what the actor of a row of the history acted by, for `actor_seen_by`."""
    return acting_json(f"{alias}.actor_role", f"{alias}.actor_id", f"{alias}.actor_via")


def labels(workflow: Workflow) -> str:
    """A CTE `labels`: each status with its labels, its notices, and each side's next statuses.

    It is part of the prepared statements, so every process uses the table it was started with.
    """
    rows = ",\n        ".join(
        "("
        + ", ".join(
            [
                *(literal(text) for text in (status.name, status.seller, status.buyer)),
                literal(status.notify.get("seller")),
                literal(status.notify.get("buyer")),
                literal(workflow.targets_json(status.name, "seller")),
                literal(workflow.targets_json(status.name, "buyer")),
            ]
        )
        + ")"
        for status in workflow.statuses.values()
    )
    names = "status, seller_label, buyer_label, seller_notice, buyer_notice, seller_allowed, buyer_allowed"
    return f"labels ({names}) AS (VALUES\n        {rows})"


def literal(text: str | None) -> str:
    """Text as an SQL literal; for texts of the workflow table, which are not parameters of a prepared statement."""
    if text is None:
        return "NULL::text"
    # psycopg2 treats a percent sign as a placeholder only if arguments are given, and PREPARE has none.
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'::text"
