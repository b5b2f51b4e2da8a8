"""Reads the data of the pages from the packages that own it."""

from __future__ import annotations

from typing import Any

import orjson

from access.principal import Principal
from chat import marks, messages
from dashboard.context import PageContext
from foundation.contract import LARGEST_ID
from notifications import inbox
from orders import queries

INBOX_LIMIT = 50

Row = dict[str, Any]


def order(context: PageContext, principal: Principal, order_id: int, before: int = LARGEST_ID) -> Row:
    """One order with the newest of its history and of its messages, those below `before`; raises NotFound."""
    found: Row = orjson.loads(queries.order(context.workflow, principal, order_id)[0])
    texts, earlier = messages.conversation(principal, order_id, before)
    reading = marks.reading(principal, order_id)
    # Versions are 1, 2, 3 ...: these are the newest.
    events, _ = queries.history(principal, order_id, after=max(0, found["version"] - queries.PAGE))
    return {
        "order": found,
        "events": [orjson.loads(event.text) for event in events],
        "messages": orjson.loads(texts),
        "earlier": earlier,
        "later": before != LARGEST_ID,
        "unread_messages": reading.unread,
        "seen_marks": orjson.loads(reading.marks),
    }


def notifications(principal: Principal, before: int) -> tuple[list[Row], int | None]:
    """The newest entries of the inbox below `before`, and where the next page begins."""
    rows, cursor = inbox.page(principal, before, INBOX_LIMIT, grouped=True)
    return orjson.loads(rows), cursor
