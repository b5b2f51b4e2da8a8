"""The live event of a change, on the seller's and the buyer's channel, with the transitions that each may make next."""

from __future__ import annotations

from orders.effects.given import Given
from side_effects.effects import Effect, WrittenEffect, is_pending

SELLER_BIT, BUYER_BIT = 0, 1


def effects(_: Given) -> tuple[Effect, ...]:
    """One for each side."""
    return _live("seller", SELLER_BIT), _live("buyer", BUYER_BIT)


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
    return WrittenEffect(f"realtime.{side}", bit, announces=announces, missing=missing, on_creation=True)
