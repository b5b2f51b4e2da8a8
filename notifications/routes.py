"""The caller's inbox over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import pydantic
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from access.idempotency import keyed_after
from foundation.contract import LARGEST_ID, Answer, Body, Id, Query, example, example_of, typed
from foundation.documentation import documented
from foundation.event_schemas import Event
from foundation.paging import link_next
from notifications import inbox

routes = APIBlueprint("notifications", __name__, abp_tags=[{"name": "Notifications", "description": "Your inbox."}])
guards.protect(routes)


class NotificationsQuery(Query):
    """Newest first; `cursor` is the `next_cursor` of the previous page."""

    cursor: Annotated[Id, pydantic.Field(description="`next_cursor` of the previous page.", examples=[1001])] = (
        LARGEST_ID
    )
    limit: int = pydantic.Field(50, ge=1, le=200, description="Notifications per page.", examples=[50])


class MarkNotificationsReadRequest(Body):
    """Marks all notifications up to this one as read."""

    model_config = example(up_to=1)

    up_to: Id


class Notification(Answer):
    """A notification."""

    model_config = example(
        id=1,
        order_id=1,
        event_id=1,
        kind="status",
        title="New order",
        body="Order #A-1001: New order.",
        created_at="2026-11-24T09:30:00.223456+00:00",
        read_at=None,
    )

    id: Id
    order_id: Id
    event_id: Id
    kind: Annotated[
        Literal["generic", "status"],
        pydantic.Field(description="`status` has the text of the status."),
    ]
    title: str
    body: str
    created_at: datetime
    read_at: datetime | None


class NotificationCreatedEvent(Event):
    """You have a notification."""

    type: Literal["notification.created"]
    notification: Notification


class NotificationPage(Answer):
    """A page of your notifications, newest first."""

    model_config = example(notifications=[example_of(Notification)], unread_count=1, next_cursor=None)

    notifications: list[Notification]
    unread_count: Annotated[int, pydantic.Field(description="Counted up to 1,000.")]
    next_cursor: Annotated[
        int | None, pydantic.Field(description="Send it as `cursor` for the next page; null on the last page.")
    ]


@routes.get(
    "/api/notifications",
    summary="Read your notifications",
    **documented(NotificationPage, headers=("Link", "Onward-Cursor")),
)
@typed
def list_notifications(query: NotificationsQuery) -> Response:
    """Newest first, with the number of those that are unread."""
    rows, cursor = inbox.page(guards.current(), query.cursor, query.limit)
    return link_next(_answer(rows, cursor), cursor)


@routes.post("/api/notifications/read", summary="Mark your notifications as read", **documented(NotificationPage))
@typed
@keyed_after(lambda body: inbox.mark_read(guards.current(), body.up_to))
def mark_notifications_read(body: MarkNotificationsReadRequest) -> Response:  # noqa: ARG001  what is done first has asked for it
    """All up to the given one; the response is the first page of the inbox, as it is then."""
    rows, cursor = inbox.page(guards.current(), LARGEST_ID, 50)
    return _answer(rows, cursor)


def _answer(rows: str, cursor: int | None) -> Response:
    unread = inbox.unread_count(guards.current())
    text = f'{{"notifications":{rows},"unread_count":{unread},"next_cursor":{cursor or "null"}}}'
    return Response(text, content_type="application/json")
