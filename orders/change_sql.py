"""The SQL of a status change: the one statement that does everything, in the forms that a batch may need."""

from __future__ import annotations

from dataclasses import dataclass

import outbox
from foundation.connections import Statement
from orders import json_sql
from orders.outbox_entry import EVENT_TYPE, ChangeEffects
from orders.signals import OrderEvent
from side_effects.insertion import insert
from side_effects.liveness import HELD

PARTY = "({seller}::bigint IS NULL OR o.seller_id = {seller}) AND ({buyer}::bigint IS NULL OR o.buyer_id = {buyer})"
EVENT = ", ".join(f"e.{name}" for name in OrderEvent.COLUMNS.split(", "))
MOVES = "('order.created', 'order.status_changed', 'order.corrected')"
"""The types of the rows of the history that gave an order its status; it has others."""

WANTED = """place int, order_id bigint, status text, sources text[], seller_id bigint,
             buyer_id bigint, version int, open boolean, tracking json, actor_role text, actor_id bigint,
             actor_via text, reason text, key text, keyed boolean, request_id text, due int, done boolean"""
RARELY_WANTED = ", corrects json, silent boolean, hold int"
UNDO_WANTED = ", undoes bigint"
MAY_MOVE = f"""o.status = ANY(w.sources)
          AND (w.version IS NULL OR o.version = w.version)
          AND {PARTY.format(seller="w.seller_id", buyer="w.buyer_id")}"""

MAY_CORRECT = f"""
          AND (w.corrects -> o.status IS NULL OR (
               (SELECT seen.version FROM orders seen WHERE seen.id = o.id) = o.version
               AND (w.corrects ->> o.status IS NULL OR (
                    SELECT (l.actor_role, l.actor_id) = (w.actor_role, w.actor_id)
                        AND l.at > clock_timestamp() - make_interval(secs => (w.corrects ->> o.status)::float)
                    FROM order_events l WHERE l.order_id = o.id AND l.type IN {MOVES}
                    ORDER BY l.version DESC LIMIT 1))))"""
"""`corrects` has the statuses from which the change is a correction, each with the seconds for which its own transition
may be corrected, or null. Whose that was, and whether it is held, is read as it was when the statement began: an order
that has changed since is not corrected, and the change is tried again."""

MAY_HOLD = """
          AND (w.hold IS NULL OR (SELECT seen.version FROM orders seen WHERE seen.id = o.id) = o.version)"""
"""What an undo brings back is read as it was when the statement began, so the order must not have changed since."""

MAY_UNDO = """
          AND (w.undoes IS NULL OR EXISTS (SELECT FROM undoable u WHERE u.event_id = w.undoes))"""

BEFORE = """CASE WHEN w.hold IS NOT NULL THEN (
                SELECT row_to_json(b) FROM (SELECT seen.tracking, seen.parcels, seen.due_at, seen.due_fixed
                FROM orders seen WHERE seen.id = o.id) AS b) END AS before, """
"""What an undo brings back, beside the status."""

PARCEL = """tracking = coalesce(w.tracking, o.tracking),
               parcels = CASE WHEN w.tracking IS NULL THEN o.parcels END,
               """

REASONS = """reasons AS (
        INSERT INTO order_reasons (event_id, reason)
        SELECT e.id, moved.reason FROM moved JOIN e ON e.order_id = moved.id WHERE moved.reason IS NOT NULL),
    """

UNUSED = """
          AND (w.keyed IS NULL OR NOT EXISTS (SELECT FROM order_events k
               WHERE k.idempotency_key = w.key AND k.actor_id = w.actor_id AND k.actor_role = w.actor_role))"""

LOCKED = f"""
    UNION ALL SELECT place{", NULL" * (3 + len(OrderEvent.COLUMNS.split(", ")))}{{more}} FROM matching
    WHERE place NOT IN (SELECT place FROM free)"""

SUPERSEDED = f"""superseded AS (
        DELETE FROM outbox WHERE owner + 0 = {HELD} AND id = ANY(ARRAY(
            SELECT held.id FROM moved CROSS JOIN LATERAL (
                SELECT h.id FROM outbox h
                WHERE h.order_id = moved.id AND h.event_type = '{EVENT_TYPE}' AND h.owner + 0 = {HELD}
                  AND (SELECT t.version FROM order_events t WHERE t.id = h.event_id) > (
                    SELECT coalesce(max(v.version) FILTER (WHERE v.to_status = moved.status),
                                    max(v.version) FILTER (WHERE v.type IN {MOVES}) - 1)
                    FROM order_events v WHERE v.order_id = moved.id AND v.version < moved.version)
                OFFSET 0) AS held
            WHERE moved.corrects -> moved.prev_status IS NOT NULL))
        RETURNING event_id, order_id, pending, request_id),
    superseded_effects AS (
        {{rows}}),
    """
"""A correction reverts what is held of the changes since the order was last in the status that it returns to. An
entry that a process has claimed meanwhile is no longer held, and is sent. If the order never was in that status, the
latest change alone is reverted."""

UNDOABLE = f"""kept AS MATERIALIZED (
        SELECT h.event_id FROM outbox h
        WHERE h.owner + 0 = {HELD} AND h.id = ANY(ARRAY(
            SELECT held.id FROM {{wanted}} CROSS JOIN LATERAL (
                SELECT h.id FROM outbox h
                WHERE h.order_id = w.order_id AND h.event_type = '{EVENT_TYPE}' AND h.event_id = w.undoes
                  AND h.owner + 0 = {HELD} OFFSET 0) AS held))
        FOR UPDATE SKIP LOCKED),
    undoable AS MATERIALIZED (
        SELECT e.id AS event_id, e.held -> 'before' AS before
        FROM {{wanted}} CROSS JOIN LATERAL (SELECT * FROM order_events WHERE id = w.undoes OFFSET 0) AS e
        WHERE (e.held ->> 'until')::timestamptz > clock_timestamp()
          AND (e.effect_bits & {{leaving}} = 0 OR EXISTS (SELECT FROM kept WHERE kept.event_id = e.id))),
    """
"""An undo locks what is held of its change, which decides between it and the process that would claim that: either it
is locked here, and deleted, or another process has it, and the undo changes nothing. Nothing waits for a lock here:
whoever has it is about to send."""


HELD_UNTIL = """CASE WHEN hold IS NOT NULL
                   THEN json_build_object('until', updated_at + make_interval(secs => hold), 'before', before) END"""

JOIN_UNDONE = " LEFT JOIN undoable u ON u.event_id = w.undoes"

PARTS = ("reasons", "free", "rare", "parcel", "undo")


@dataclass(frozen=True)
class Form:
    """The optional parts of the statement that a batch needs. Most need none, and each costs a tenth even if it does
    nothing."""

    reasons: bool = False
    """A change has a reason."""

    free: bool = False
    """A client's key that was used already changes nothing, instead of failing the batch by the unique index, and
    orders that another session has locked are not waited for: they are returned with their position and nothing
    else."""

    rare: bool = False
    """A change corrects another one, is silent, or is held."""

    parcel: bool = False
    """A change has a parcel's tracking data. A column that is set, even to itself, asks for the trigger on it, whose
    preparation took PostgreSQL 15 µs for each statement."""

    undo: bool = False
    """A change undoes another one while that is held; it is a rare one too."""

    @property
    def name(self) -> str:
        return "_".join(["change_status", *(part for part in PARTS if getattr(self, part))])


def change_status(effects: ChangeEffects, form: Form) -> Statement:
    """The statement. $1: changes of different orders, each with its position, which is returned with its result; a
    change that found nothing to update is returned with no row. $2: the process that will complete the entries."""
    more = (RARELY_WANTED if form.rare else "") + (UNDO_WANTED if form.undo else "")
    wanted = f"json_to_recordset($1) AS w ({WANTED}{more})"
    may_move = MAY_MOVE + (MAY_CORRECT + MAY_HOLD if form.rare else "") + (MAY_UNDO if form.undo else "")
    undoable = UNDOABLE.format(wanted=wanted, leaving=effects.leaving) if form.undo else ""
    sql = f"""WITH {undoable}{_free(wanted, may_move) if form.free else ""}moved AS (
        UPDATE orders o SET prev_status = o.status, status = w.status, version = o.version + 1, open = w.open,
               closed_as = CASE WHEN NOT w.open THEN w.status END,
               {_state(form)}, updated_at = clock_timestamp()
        FROM {"free w" if form.free else wanted}{JOIN_UNDONE if form.undo else ""}
        WHERE o.id = w.order_id AND {may_move}
        RETURNING w.place, w.actor_role, w.actor_id, w.actor_via, w.reason, w.key, w.request_id,
                  {_more(form)}o.prev_status,
                  {", ".join(f"o.{name}" for name in (*json_sql.ORDER_MEMBERS, *json_sql.OPTIONAL))}),
    {_events(effects, form)}{REASONS if form.reasons else ""}{_entries(effects, form)}
    SELECT moved.place, entry.id, {_now(effects, "moved") if form.rare else "e.effect_bits"},
        {json_sql.order_head("moved", "moved.actor_role")},
        {EVENT.replace("e.reason", "moved.reason")}{", moved.silent IS NULL" if form.rare else ""}
    FROM e JOIN moved ON moved.id = e.order_id JOIN entry ON entry.event_id = e.id"""
    if form.free:
        sql += LOCKED.format(more=", NULL" if form.rare else "")
    return Statement(form.name, ("json", "bigint"), sql)


def _more(form: Form) -> str:
    """What the parts need of a change beside what every change has."""
    parcel = "w.tracking AS new_tracking, " if form.parcel else ""
    undo = "w.undoes, " if form.undo else ""
    return parcel + (f"w.corrects, w.silent, w.hold, {BEFORE}" if form.rare else "") + undo


def _state(form: Form) -> str:
    """What follows from the status: until when the order is due, and its parcel. An undo brings back what was."""
    due_at = """CASE WHEN o.due_fixed AND w.done IS NULL THEN o.due_at
                             ELSE clock_timestamp() + make_interval(secs => w.due) END"""
    due_fixed = "CASE WHEN w.done IS NULL THEN o.due_fixed END"
    if not form.undo:
        return f"{PARCEL if form.parcel else ''}due_at = {due_at},\n               due_fixed = {due_fixed}"
    columns = {
        "tracking": ("json", "coalesce(w.tracking, o.tracking)"),
        "parcels": ("json", "CASE WHEN w.tracking IS NULL THEN o.parcels END"),
        "due_at": ("timestamptz", due_at),
        "due_fixed": ("boolean", due_fixed),
    }
    return ",\n               ".join(
        f"{name} = CASE WHEN w.undoes IS NULL THEN {usual} ELSE (u.before ->> '{name}')::{type} END"
        for name, (type, usual) in columns.items()
    )


def _free(wanted: str, may_move: str) -> str:
    return f"""matching AS MATERIALIZED (
        SELECT w.* FROM {wanted} JOIN orders o ON o.id = w.order_id WHERE {may_move}{UNUSED}),
    free AS MATERIALIZED (
        SELECT w.* FROM matching w JOIN orders o ON o.id = w.order_id WHERE {may_move}
        ORDER BY w.order_id FOR NO KEY UPDATE OF o SKIP LOCKED),
    """


def _events(effects: ChangeEffects, form: Form) -> str:
    """The rows of the history."""
    kind, column, notify, bits = "'order.status_changed'", "", "", effects.bits
    if form.rare:
        kind = "CASE WHEN corrects -> prev_status IS NULL THEN 'order.status_changed' ELSE 'order.corrected' END"
        bits = f"({bits}) & ~CASE WHEN silent THEN {effects.to_buyer} ELSE 0 END"
        column, notify = ", notify, held", f", silent IS NULL, {HELD_UNTIL}"
    if form.undo:
        bits = f"{bits} & ~CASE WHEN undoes IS NULL THEN 0 ELSE {effects.leaving} END"
        column, notify = f"{column}, undoes", f"{notify}, undoes"
    tracking, given = (", tracking", ", new_tracking") if form.parcel else ("", "")
    # By key, so that no two of these wait for each other's entries in the index of keys.
    order = " ORDER BY key" if form.free else ""
    return f"""e AS (
        INSERT INTO order_events (order_id, version, type, from_status, to_status, actor_role, actor_id, actor_via,
               seller_id, buyer_id, effect_bits, idempotency_key, request_id, at{tracking}{column})
        SELECT id, version, {kind}, prev_status, status, actor_role, actor_id, actor_via,
               seller_id, buyer_id, {bits}, key, request_id, updated_at{given}{notify} FROM moved{order}
        RETURNING {OrderEvent.WRITTEN}, request_id, effect_bits),
    """


def _entries(effects: ChangeEffects, form: Form) -> str:
    """Their entries in the outbox; those of a change that is held, without what leaves the service: that has an entry
    of its own, which any process takes when its time has come."""

    def entry(source: str, pending: str, **more: str) -> str:
        return outbox.insert(EVENT_TYPE, source, pending=pending, request_id="request_id", now="at", **more)

    if not form.rare:
        return f"""entry AS (
        {entry("e", "effect_bits", owner="$2")})"""
    source = "(SELECT e.*, moved.hold FROM e JOIN moved ON moved.id = e.order_id) AS changed"
    leaving = f"effect_bits & {effects.leaving}"
    held = f"{source} WHERE hold IS NOT NULL AND {leaving} <> 0"
    superseded = SUPERSEDED.format(rows=_superseded(effects)) if effects.leaving else ""
    return f"""{superseded}held AS (
        {entry(held, leaving, owner=str(HELD), lease="make_interval(secs => hold)")}),
    entry AS (
        {entry(source, _now(effects, "changed"), owner="$2")})"""


def _superseded(effects: ChangeEffects) -> str:
    """The rows of the effects that are not done any more."""
    return insert(
        f"""superseded s JOIN e ON e.order_id = s.order_id
        CROSS JOIN (VALUES {effects.places}) AS l (bit, kind, destination) WHERE s.pending & l.bit <> 0""",
        kind="l.kind",
        destination="l.destination",
        event_type=f"'{EVENT_TYPE}'",
        event_id="s.event_id",
        order_id="s.order_id",
        request_id="s.request_id",
        status="'superseded'",
        finished_at="e.at",
        last_error="'superseded by event ' || e.id",
    )


def _now(effects: ChangeEffects, change: str) -> str:
    """The bits that do not wait."""
    return f"effect_bits & ~CASE WHEN {change}.hold IS NULL THEN 0 ELSE {effects.leaving} END"
