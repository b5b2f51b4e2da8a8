"""Lists of side effects, newest first, and one of them with its attempts: each reads a bounded number of rows."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text

from foundation import sql
from foundation.contract import LARGEST_ID
from foundation.db import db
from foundation.errors import NotFound
from operations.selection import Selection
from side_effects.effects import EventType

SPAN = 100_000
"""Ids that one page scans: a filter without matches otherwise scanned all of 10^7 rows."""

DEAD_SPAN = 20_000
"""Dead letters that one page goes through."""

COUNTED = 10_000
"""Side effects are counted up to this limit; a higher number would change nothing."""

MOST_ORDERS = 20
"""Orders of all shops with one number."""

INDEXED = ("pending", "running", "dead")
"""Statuses whose rows have an index of their own."""

MEMBERS = (
    "s.id, s.kind, s.destination, s.event_type, s.event_id, s.order_id, s.status, s.attempts, s.crashes, "
    "s.scheduled_at, s.last_error, s.fingerprint, s.request_id, s.created_at, s.finished_at, s.job_id"
)

SQL = sql.beside(__file__, most_orders=MOST_ORDERS)
NEWEST_BELOW = SQL.text("newest_below")
DEAD_BELOW = SQL.text("dead_below")
ORDERS_NAMED = SQL.text("orders_named")
COUNTS = SQL.text("counts")

EventTypes = Mapping[str, EventType]


def page(
    event_types: EventTypes, chosen: Selection, before: int = LARGEST_ID, limit: int = 50
) -> tuple[str, int | None]:
    """The newest side effects below `before` as a JSON array, each with `moved_on`, and the cursor of the next page.

    A page may have fewer than `limit`, or none, although another follows: it scans `SPAN` ids.
    """
    where, values = chosen.where()
    lowest = _lowest(chosen, before)
    sql = text(page_sql(event_types, where))
    found = db.session.execute(sql, values | {"before": before, "lowest": lowest, "limit": limit}).one()
    if found[2] == limit:
        return found[0], found[1]
    return found[0], lowest + 1 if found[3] else None


def page_sql(event_types: EventTypes, where: str) -> str:
    """The statement of a page, for a condition of a selection."""
    return f"""SELECT '[' || coalesce(string_agg(row_to_json(members)::text, ',' ORDER BY id DESC), '') || ']',
            min(id), count(*), EXISTS (SELECT FROM side_effects WHERE id <= :lowest)
        FROM (SELECT {MEMBERS}, {_moved_on(event_types)} AS moved_on FROM side_effects s
            WHERE {where} AND s.id < :before AND s.id > :lowest ORDER BY s.id DESC LIMIT :limit) AS members"""


def one(event_types: EventTypes, id: int) -> str:
    """A side effect with its attempts, its order's number and shop, as JSON text; raises NotFound."""
    statement = f"""SELECT row_to_json(members)::text FROM (
        SELECT {MEMBERS}, {_moved_on(event_types)} AS moved_on, s.attempt_log,
            o.number AS order_number, o.seller_id AS seller_id
        FROM side_effects s LEFT JOIN orders o ON o.id = s.order_id WHERE s.id = :id) AS members"""
    found: str | None = db.session.scalar(text(statement), {"id": id})
    if found is None:
        raise NotFound("No such side effect; finished ones are deleted after RETENTION_HOURS.")
    return found


def counts() -> dict[str, int]:
    """How many are pending, running and dead, each counted up to `COUNTED` and one more."""
    found = {row.status: row[1] for row in db.session.execute(COUNTS, {"counted": COUNTED})}
    return {status: found.get(status, 0) for status in INDEXED}


def orders_named(word: str) -> list[int]:
    """The ids of the orders with this id or number, of all shops."""
    id = int(word) if word.isascii() and word.isdigit() and int(word[:20]) <= LARGEST_ID else 0
    return list(db.session.scalars(ORDERS_NAMED, {"id": id, "number": word}))


def _lowest(chosen: Selection, before: int) -> int:
    """The id below which a page does not look: 0 where an index leads to what is chosen, and to little else."""
    if chosen.ids or chosen.orders is not None or chosen.status == "running":
        return 0
    if chosen.status == "dead":
        return db.session.scalar(DEAD_BELOW, {"before": before, "span": DEAD_SPAN}) or 0
    if chosen.status == "pending" and counts()["pending"] <= COUNTED:
        return 0
    return max(0, (db.session.scalar(NEWEST_BELOW, {"before": before}) or 0) - SPAN)


def _moved_on(event_types: EventTypes) -> str:
    cases = " ".join(f"WHEN '{event_type.name}' THEN {event_type.moved_on}" for event_type in event_types.values())
    return f"coalesce(CASE s.event_type {cases} END, false)"
