"""Takes what people wrote, and who they are, out of the log of live events, whose order stays as it is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import TextClause, text

from foundation.db import PIECE, db
from realtime.log import WAIT_FOR_APPENDS

ERASED = """UPDATE realtime_events SET data = CAST(
        jsonb_set(jsonb_set(jsonb_set(jsonb_set(CAST(data AS jsonb),
            '{order,buyer_name}', to_jsonb(CAST(:name AS text)), false),
            '{event,reason}', 'null', false),
            '{message,body}', to_jsonb(CAST(:name AS text)), false),
            '{notification,body}', '""', false) AS text)"""

ERASE = text(
    f"""WITH told AS MATERIALIZED (SELECT seq FROM realtime_events WHERE order_id = ANY(:orders)),
    found AS (SELECT seq FROM told WHERE seq > :after ORDER BY seq LIMIT :piece),
    erased AS ({ERASED} WHERE seq = ANY(ARRAY(SELECT seq FROM found)))
    SELECT count(*), max(seq), count(*) FROM found"""
)
OF_AN_ORDER = """CAST(coalesce(
        CAST(data AS json) -> 'order' ->> 'id', CAST(data AS json) -> 'message' ->> 'order_id',
        CAST(data AS json) -> 'notification' ->> 'order_id') AS bigint)"""
ERASE_WITHOUT_ORDER = text(
    f"""WITH found AS MATERIALIZED (
        SELECT seq, {OF_AN_ORDER} AS told_of FROM realtime_events
        WHERE order_id IS NULL AND channel = :channel AND seq > :after ORDER BY seq LIMIT :piece),
    erased AS ({ERASED} WHERE seq = ANY(ARRAY(SELECT seq FROM found WHERE told_of = ANY(:orders))))
    SELECT count(*), max(seq), count(*) FILTER (WHERE told_of = ANY(:orders)) FROM found"""
)
"""What a version of before wrote does not say its order: as long as it is kept, a channel's is looked through."""

ANY_WITHOUT_ORDER = text("SELECT EXISTS (SELECT FROM realtime_events WHERE order_id IS NULL)")


def wait_for_appends() -> None:
    """Return when all that is appended from now on was made of what is committed by now."""
    db.session.execute(text(WAIT_FOR_APPENDS))
    db.session.commit()


def erase(orders: Sequence[int], name: str) -> int:
    """Put `name` in the place of the buyer's and of what was said in these orders' events; returns how many.

    In pieces that each commit. A process that has sent them remembers its last 10,000 as they were, until others have
    taken their place.
    """
    return _in_pieces(ERASE, orders=list(orders), name=name)


def erase_without_order(channels: Sequence[str], orders: Sequence[int], name: str) -> int:
    """The same for events of these channels that do not say which order they tell of."""
    if not db.session.execute(ANY_WITHOUT_ORDER).scalar_one():
        return 0
    return sum(_in_pieces(ERASE_WITHOUT_ORDER, channel=one, orders=list(orders), name=name) for one in channels)


def _in_pieces(statement: TextClause, **values: object) -> int:
    """Along the log, since what is erased looks as it did before to whoever searches."""
    total, read, after = 0, PIECE, 0
    while read == PIECE:
        read, last, erased = db.session.execute(statement, {**values, "after": after, "piece": PIECE}).one()
        db.session.commit()
        total, after = total + erased, last
    return total
