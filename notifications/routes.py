"""The caller's inbox over HTTP."""

from __future__ import annotations

import pydantic
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from foundation.contract import LARGEST_ID, Body, Id, Query, typed
from notifications import inbox

routes = APIBlueprint("notifications", __name__, abp_tags=[{"name": "Notifications"}])
guards.protect(routes)


class InboxQuery(Query):
    """Newest first; `cursor` is the `next_cursor` of the page before."""

    cursor: Id = LARGEST_ID
    limit: int = pydantic.Field(50, ge=1, le=200)


class MarkRead(Body):
    """Everything up to this notification was seen."""

    up_to: Id


@routes.get("/api/notifications", summary="Read your notifications")
@typed
def read_inbox(query: InboxQuery) -> Response:
    rows, cursor = inbox.page(guards.current(), query.cursor, query.limit)
    return _answer(rows, cursor)


@routes.post("/api/notifications/read", summary="Mark your notifications as read")
@typed
def mark_read(body: MarkRead) -> Response:
    inbox.mark_read(guards.current(), body.up_to)
    rows, cursor = inbox.page(guards.current(), LARGEST_ID, 50)
    return _answer(rows, cursor)


def _answer(rows: str, cursor: int | None) -> Response:
    unread = inbox.unread_count(guards.current())
    text = f'{{"notifications":{rows},"unread_count":{unread},"next_cursor":{cursor or "null"}}}'
    return Response(text, content_type="application/json")
