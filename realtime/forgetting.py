"""Takes what people wrote, and who they are, out of the log of live events, whose order stays as it is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from foundation.db import db

ERASE = text(
    """UPDATE realtime_events SET data = CAST(
        jsonb_set(jsonb_set(jsonb_set(jsonb_set(CAST(data AS jsonb),
            '{order,buyer_name}', to_jsonb(CAST(:name AS text)), false),
            '{event,reason}', 'null', false),
            '{message,body}', to_jsonb(CAST(:name AS text)), false),
            '{notification,body}', '""', false) AS text)
    WHERE channel = ANY(:channels) AND CAST(coalesce(
        CAST(data AS json) -> 'order' ->> 'id', CAST(data AS json) -> 'message' ->> 'order_id',
        CAST(data AS json) -> 'notification' ->> 'order_id') AS bigint) = ANY(:orders)"""
)


def erase(channels: Sequence[str], orders: Sequence[int], name: str) -> int:
    """Put `name` in the place of the buyer's and of what was said in these orders' events; returns how many.

    A process that has sent them remembers its last 10,000 as they were, until others have taken their place.
    """
    values = {"channels": list(channels), "orders": list(orders), "name": name}
    count: int = db.session.execute(ERASE, values).rowcount  # type: ignore[attr-defined]
    return count
