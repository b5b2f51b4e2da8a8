"""The live event of a change, on the seller's and the buyer's channel, with the transitions that each may make next."""

from __future__ import annotations

from access.actors import actor_seen_by
from orders.effects.given import Given
from orders.json_sql import ACTOR, ALLOWED
from side_effects.effects import AnnouncedEvent, Effect, WrittenEffect, is_pending

SELLER_BIT, BUYER_BIT = 0, 1


def effects(_: Given) -> tuple[Effect, ...]:
    """One for each side."""
    return _live("seller", SELLER_BIT), _live("buyer", BUYER_BIT)


def _live(side: str, bit: int) -> WrittenEffect:
    event = AnnouncedEvent(
        f"'{side}:' || {side}_id",
        "type",
        (
            """'{"at":' || to_json(at) || ',"type":"' || type || '","order":' || head""",
            f"{side}_members || '{ALLOWED}' || {side}_allowed",
            f"""'}},"event":' || event || '{ACTOR}'""",
            actor_seen_by(side, "actor_role", "actor_id"),
            "'}}'",
        ),
        is_pending(bit),
    )
    found = f"r.channel = '{side}:' || e.{side}_id AND r.type = e.type"
    # An event of a row of its own names its order only, and one of an earlier version not even that.
    single = f"""(SELECT FROM realtime_events r WHERE {{}} AND {found}
        AND (r.data::json -> 'event' ->> 'id')::bigint = e.id)"""
    missing = f"""NOT EXISTS (SELECT FROM live_events r WHERE r.event_id = e.id AND {found})
        AND NOT EXISTS {single.format("r.order_id = e.order_id")}
        AND NOT EXISTS {single.format("r.order_id IS NULL")}"""
    return WrittenEffect(
        f"realtime.{side}", bit, live=(event,), missing=missing, on_creation=True, on_edit=True, on_resending=True
    )
