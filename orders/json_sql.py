"""The JSON of an order, its history and its live events, written once, in SQL.

The same expressions serve the PATCH's response, the lists, the history and the frames of the stream, so that they
cannot drift apart, and PostgreSQL returns text that Python passes on without parsing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from access.actors import acting_json, actor_json
from foundation import connections
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
"""The members that every order has."""

OPTIONAL = ("external_id", "parcels", "buyer_email", "delivery", "open", "due_at", "note", "metadata", "tags")
"""The columns of members that an order's text has only where they are set: an order without them pays nothing."""

SEE_CONTACT = f"current_setting('{connections.SELLERS_SEE_CONTACT}', true) = '1'"
"""SQL for whether sellers read e-mail addresses and phone numbers; without the parameter they do not."""

EVENTS = """(SELECT s.*, r.reason FROM order_events s LEFT JOIN LATERAL (
        SELECT reason FROM order_reasons WHERE event_id = s.id OFFSET 0) AS r ON true)"""
"""SQL for the rows of the history with their reasons, for use after FROM; each reason is looked up by its key (OFFSET 0
keeps PostgreSQL from joining the table as a whole, see outbox/completion.py)."""


ACTOR = ',"actor":'
"""What stands between the other members of an event and its actor."""

ALLOWED = ',"allowed_transitions":'
"""What stands between an order's members and the transitions that its reader may make."""


def order_head(alias: str, reader: str, **instead: str) -> str:
    """SQL for an order's JSON text, as the role `reader`, which is SQL, may read it, without its closing brace;
    `instead` replaces a member's expression."""
    return f"({shared_head(alias, **instead)} || {members_for(alias, reader, **instead)})"


def shared_head(alias: str, **instead: str) -> str:
    """The same with the members that all its readers have in common."""
    members = ", ".join(f"{instead.get(name, f'{alias}.{name}')} AS {name}" for name in ORDER_MEMBERS)
    column = partial(_column, alias, instead)
    of_parcels = parcels(column("tracking"), column("parcels"))
    return f"""(left((SELECT row_to_json(members)::text FROM (SELECT {members}) AS members), -1)
        || {_if_set("external_id", f"to_json({column('external_id')})::text")} || {_if_set("parcels", of_parcels)})"""


def parcels(tracking: str, parcels: str) -> str:
    """SQL for an order's parcels as JSON text, NULL if it has none; a single one has only its `tracking`."""
    return f"""coalesce({parcels}::text, '[{{"id":"1",' || substr({tracking}::text, 2) || ']')"""


def members_for(alias: str, reader: str, **instead: str) -> str:
    """SQL for the further members of an order's JSON, of which each role reads its own: the one place that decides who
    sees which (docs/access.md). Operators, auditors and services see all of them."""
    column = partial(_column, alias, instead)
    address, to = column("buyer_email"), column("delivery")
    # Each member once: PostgreSQL prepares all of the expression for each run, whatever the reader's role is.
    email = f"CASE {reader} WHEN 'seller' THEN {_masked_email(address)} ELSE nullif({address}, '') END"
    delivery = f"CASE {reader} WHEN 'seller' THEN {_masked_phone(to)} ELSE {to} END"
    late = f"({alias}.open AND {column('due_at')} < clock_timestamp())::text"
    internal = " || ".join(
        (
            _if_set("due_at", f"""to_json({column("due_at")})::text || ',"late":' || {late}"""),
            _if_set("note", f"to_json({column('note')})::text"),
            _if_set("metadata", f"{column('metadata')}::text"),
            _if_set("tags", f"to_json({column('tags')})::text"),
        )
    )
    # Somebody with a tracking link has no role, and reads none of them.
    return f"""CASE {reader} WHEN '' THEN '' ELSE
        {_if_set("buyer_email", f"to_json({email})::text")} || {_if_set("delivery", f"({delivery})::text")}
        || CASE {reader} WHEN 'buyer' THEN '' ELSE {internal} END END"""


def _masked_email(email: str) -> str:
    return f"""CASE WHEN {SEE_CONTACT} THEN nullif({email}, '')
        ELSE left({email}, 1) || '…' || nullif(substr({email}, strpos({email}, '@')), '') END"""


def _masked_phone(delivery: str) -> str:
    return f"""CASE WHEN {SEE_CONTACT} OR {delivery} ->> 'phone' IS NULL THEN {delivery}
        ELSE {delivery} || jsonb_build_object('phone', '…' || right({delivery} ->> 'phone', 2)) END"""


AS_IT_WAS = """jsonb_populate_record(today, coalesce((
        SELECT jsonb_object_agg(member.key, member.value ORDER BY x.version DESC)
        FROM order_events x JOIN order_edits d ON d.event_id = x.id
        CROSS JOIN LATERAL jsonb_each(d.before::jsonb) AS member
        WHERE x.order_id = e.order_id AND x.version > e.version), '{}'))"""
"""SQL for the row `today` of an order as it was after the event `e`, before what later edits changed: of a member that
several of them changed, the first one has the old value, and the last key of an aggregated object stands."""

TRACKING_THEN = """(SELECT nullif(coalesce(d.after -> 'tracking', t.tracking)::text, 'null')::json
        FROM order_events t LEFT JOIN order_edits d ON d.event_id = t.id
        WHERE t.order_id = e.order_id AND t.version <= e.version
            AND (t.tracking IS NOT NULL OR d.after -> 'tracking' IS NOT NULL)
            AND NOT EXISTS (SELECT FROM order_events u WHERE u.order_id = t.order_id AND u.version = t.version + 1
                AND u.version <= e.version AND u.undoes = t.id)
        ORDER BY t.version DESC LIMIT 1)"""
"""The same for its tracking, which status changes set too."""


def _column(alias: str, instead: Mapping[str, str], name: str) -> str:
    return instead.get(name, f"{alias}.{name}")


def _if_set(name: str, text: str) -> str:
    return f"""coalesce(',"{name}":' || {text}, '')"""


def with_allowed(head: str, allowed: str) -> str:
    """SQL that ends an order's JSON with `allowed_transitions`, which depend on the reader."""
    return f"""({head} || '{ALLOWED}' || {allowed} || '}}')"""


def event_json(alias: str, reader: str) -> str:
    """SQL for a row of the history as JSON text, as the role `reader`, which is SQL, may see it."""
    actor = actor_json(f"{alias}.actor_role", f"{alias}.actor_id", f"{alias}.actor_via", reader)
    return f"""({event_head(alias)} || '{ACTOR}' || {actor} || '}}')"""


def event_head(alias: str) -> str:
    """SQL for a row of the history as JSON text, without its actor and its closing brace. `undo_until` and `undoes` are
    there only where they are set."""
    undo_until, undoes = f"({alias}.held -> 'until')::text", f"{alias}.undoes::text"
    return f"""(left((SELECT row_to_json(members)::text FROM (
        SELECT {alias}.id, {alias}.type, {alias}.version, {alias}.from_status, {alias}.to_status, {alias}.reason,
               {alias}.notify, {alias}.changed, {alias}.at) AS members), -1)
        || {_if_set("undo_until", undo_until)} || {_if_set("undoes", undoes)})"""


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
