"""The effects of a change, in the order of the specification: the one list.

Each effect is SQL that runs in the transaction which completes the entry, for all events of a batch at once, or code
that is called. Bits are stored in the outbox of running installations: a new effect takes a new bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chat.messages import MESSAGE_BIT, SAY_SYSTEM, announce_message
from foundation.connections import Statement
from notifications.email import MAIL_SERVER
from notifications.inbox import NOTIFY, announce_notification
from orders import json_sql, timers
from orders.json_sql import literal
from orders.signals import OrderEvent, emit, emit_to, receivers
from orders.workflow import Workflow
from side_effects.effects import CalledEffect, DurableEffect, Effect, EventType, Run, WrittenEffect, is_pending
from side_effects.kinds import entry_row

CONTEXT = "order-status-update"
EVENT_TYPE = "order"

REALTIME_SELLER, REALTIME_BUYER, NOTIFICATION_GENERIC, NOTIFICATION_STATUS, SIGNAL, CHAT = range(6)
MAIL = 7
assert MESSAGE_BIT not in (*range(6), MAIL, timers.TIMER)

STATUS_MAIL = "email.status"

MOVED_ON = """(SELECT o.version FROM orders o WHERE o.id = s.order_id)
    > (SELECT e.version FROM order_events e WHERE e.id = s.event_id)"""
"""The order has changed since this side effect's event."""

FORGOTTEN = "EXISTS (SELECT FROM orders o WHERE o.id = e.order_id AND o.buyer_email = '')"
"""The buyer's data were erased."""

LOAD = Statement(
    "load_events", ("bigint[]",), f"SELECT {OrderEvent.COLUMNS} FROM {json_sql.EVENTS} e WHERE id = ANY($1)"
)


def event_type(workflow: Workflow, by_mail: bool) -> EventType:
    """The event type of order changes, with the list of effects."""
    effects = (
        *_effects(),
        *([_mail(workflow)] if by_mail else ()),
        *([timers.effect(workflow)] if workflow.timers else ()),
    )
    return EventType(EVENT_TYPE, CONTEXT, _source(workflow), effects, _load, "order_events", MOVED_ON, FORGOTTEN)


def _effects() -> tuple[Effect, ...]:
    """Realtime seller, realtime buyer, generic notification, status-specific notification, signal, chat message."""
    return (
        _live("seller", REALTIME_SELLER),
        _live("buyer", REALTIME_BUYER),
        WrittenEffect(
            "notification.generic",
            NOTIFICATION_GENERIC,
            _generic(),
            announce_notification("generic_notices"),
            missing="(SELECT count(*) FROM notifications n WHERE n.event_id = e.id AND n.kind = 'generic') < 2",
        ),
        WrittenEffect(
            "notification.status",
            NOTIFICATION_STATUS,
            _specific(),
            announce_notification("status_notices"),
            missing="NOT EXISTS (SELECT FROM notifications n WHERE n.event_id = e.id AND n.kind = 'status')",
        ),
        CalledEffect("signal.order_status_changed", SIGNAL, emit, emit_to, receivers),
        WrittenEffect(
            "chat.message",
            CHAT,
            _message(),
            announce_message("system_messages"),
            missing="NOT EXISTS (SELECT FROM messages m WHERE m.event_id = e.id)",
        ),
    )


def _mail(workflow: Workflow) -> Effect:
    """An e-mail to the buyer; recorded only if a mail server is configured."""
    condition = f"{is_pending(MAIL)} AND buyer_notice IS NOT NULL"
    row = entry_row(STATUS_MAIL, f"'{MAIL_SERVER}'", EVENT_TYPE, "order_changes", condition)
    notified = ", ".join(literal(one.name) for one in workflow.statuses.values() if one.notify.get("buyer")) or "NULL"
    missing = f"""e.to_status IN ({notified})
        AND NOT EXISTS (SELECT FROM side_effects s WHERE s.event_id = e.id AND s.kind = '{STATUS_MAIL}')"""
    return DurableEffect(STATUS_MAIL, MAIL, f"status_mails AS ({row})", missing=missing)


def of_creation(workflow: Workflow) -> int:
    """The `pending` of a new order's entry: its live events, the seller's notification, the signal, and a timer."""
    timer = 1 << timers.TIMER if workflow.initial in workflow.timers else 0
    return 1 << REALTIME_SELLER | 1 << REALTIME_BUYER | 1 << NOTIFICATION_STATUS | 1 << SIGNAL | timer


def of_change(event_type: EventType, workflow: Workflow, source: str, target: str) -> str:
    """SQL for the `pending` of a change's entry; `source` and `target` are SQL for its statuses."""
    always = event_type.everything & ~(1 << timers.TIMER)
    return f"{always} | {timers.bits_of_change(workflow, source, target)}" if workflow.timers else str(always)


def names_of_change(event_type: EventType, workflow: Workflow, source: str, target: str) -> list[str]:
    """The effects of a change from `source` to `target`."""
    timed = {source, target} & set(workflow.timers)
    return [effect.name for effect in event_type.effects if timed or effect.bit != timers.TIMER]


def _source(workflow: Workflow) -> str:
    """The events with everything that the effects need.

    The order's snapshot is read here, after the log's lock was taken: so a channel's versions never go backwards, even
    if another process was slower. The event keeps its own version and time.
    """
    return f"""
{json_sql.words(workflow)},
plain AS MATERIALIZED (
    SELECT s.pending, e.*, o.number, {json_sql.order_head("o")} AS head, {json_sql.event_json("e")} AS event,
           o.status AS current_status, o.version AS current_version
    FROM completed s
    CROSS JOIN LATERAL (SELECT * FROM {json_sql.EVENTS} AS one WHERE one.id = s.event_id OFFSET 0) AS e
    CROSS JOIN LATERAL (SELECT * FROM orders WHERE id = e.order_id OFFSET 0) AS o
    WHERE s.event_type = '{EVENT_TYPE}'),
order_changes AS MATERIALIZED (
    SELECT p.*, {json_sql.with_allowed("p.head", "coalesce(now.seller_allowed, '[]')")} AS seller_order,
           {json_sql.with_allowed("p.head", "coalesce(now.buyer_allowed, '[]')")} AS buyer_order,
           coalesce(was.seller_word, p.to_status) AS seller_word, coalesce(was.buyer_word, p.to_status) AS buyer_word,
           was.seller_notice, was.buyer_notice
    FROM plain p LEFT JOIN words now ON now.status = p.current_status
    LEFT JOIN words was ON was.status = p.to_status)"""


def _live(side: str, bit: int) -> WrittenEffect:
    announces = f"""
    SELECT id AS event_id, order_id, '{side}:' || {side}_id AS channel, type,
           '{{"at":' || to_json(at) || ',"type":"' || type || '","order":' || {side}_order
           || ',"event":' || event || '}}' AS data
    FROM order_changes WHERE {is_pending(bit)}"""
    found = f"""(SELECT FROM realtime_events r WHERE {{}} AND r.channel = '{side}:' || e.{side}_id AND r.type = e.type
        AND (r.data::json -> 'event' ->> 'id')::bigint = e.id)"""
    # An earlier version wrote events without their order.
    missing = f"""NOT EXISTS {found.format("r.order_id = e.order_id")}
        AND NOT EXISTS {found.format("r.order_id IS NULL")}"""
    return WrittenEffect(f"realtime.{side}", bit, announces=announces, missing=missing)


def _generic() -> str:
    return f"""
generic_notices AS (
    {NOTIFY}
    SELECT c.id, c.order_id, 'generic', side.role, CASE side.role WHEN 'seller' THEN c.seller_id ELSE c.buyer_id END,
           'Order #' || c.number, CASE side.role WHEN 'seller' THEN c.seller_word ELSE c.buyer_word END
    FROM order_changes c CROSS JOIN (VALUES ('seller'), ('buyer')) AS side (role)
    WHERE {is_pending(NOTIFICATION_GENERIC)}
    ON CONFLICT DO NOTHING RETURNING *)"""


def _specific() -> str:
    """For the side that did not act; for both if neither did."""
    return f"""
status_notices AS (
    {NOTIFY}
    SELECT c.id, c.order_id, 'status', side.role, CASE side.role WHEN 'seller' THEN c.seller_id ELSE c.buyer_id END,
           replace(side.notice, '{{number}}', c.number), coalesce(c.reason, '')
    FROM order_changes c
    CROSS JOIN LATERAL (VALUES ('seller', c.seller_notice), ('buyer', c.buyer_notice)) AS side (role, notice)
    WHERE {is_pending(NOTIFICATION_STATUS)} AND side.role <> c.actor_role AND side.notice IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING *)"""


def _message() -> str:
    return f"""
system_messages AS (
    {SAY_SYSTEM}
    SELECT 'system', c.order_id, c.id, c.seller_id, c.buyer_id, 'Status changed to ' || c.seller_word, c.buyer_word
    FROM order_changes c WHERE {is_pending(CHAT)}
    ON CONFLICT DO NOTHING RETURNING *)"""


def _load(run: Run, ids: Sequence[int]) -> Mapping[int, OrderEvent]:
    events = [OrderEvent(*row) for row in run(LOAD, (list(ids),))]
    return {event.id: event for event in events}
