"""The caller's inbox over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

import pydantic
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from access.idempotency import keyed_after
from foundation.contract import LARGEST_ID, Answer, Body, Id, Query, example, example_of, never_null, typed
from foundation.documentation import documented
from foundation.event_schemas import Event
from foundation.paging import link_next
from notifications import inbox

MARKED_AT_ONCE = 200
"""As many as a page has."""


class NotificationsQuery(Query):
    """Newest first; `cursor` is the `next_cursor` of the previous page."""

    cursor: Annotated[Id, pydantic.Field(description="`next_cursor` of the previous page.", examples=[1001])] = (
        LARGEST_ID
    )
    limit: int = pydantic.Field(50, ge=1, le=200, description="Notifications per page.", examples=[50])
    grouped: bool = pydantic.Field(
        False,
        description="One entry for all that happened to an order within a short time, as the inbox page has it: each "
        f"notification stands for those of its order before it, as long as {inbox.BURST_SECONDS} s at most lie between "
        "one and the next. A page may be short; `next_cursor` says whether there is another.",
        examples=[True],
    )


class MarkNotificationsReadRequest(Body):
    """Marks all notifications up to one as read, or some: either `up_to` or `ids`."""

    model_config = pydantic.ConfigDict(
        json_schema_extra={
            "examples": [{"up_to": 1}, {"ids": [1]}],
            "oneOf": [{"required": ["up_to"]}, {"required": ["ids"]}],
        }
    )

    up_to: Annotated[
        Id | None, pydantic.Field(description="All up to this one, the newest for all.", json_schema_extra=never_null)
    ] = None
    ids: Annotated[
        list[Id] | None,
        pydantic.Field(
            description="These, each with the notifications that it stands for when they are grouped.",
            min_length=1,
            max_length=MARKED_AT_ONCE,
            validate_default=True,
            json_schema_extra=never_null,
        ),
    ] = None

    @pydantic.field_validator("ids")
    @classmethod
    def _one_of_them(cls, ids: list[int] | None, info: pydantic.ValidationInfo) -> list[int] | None:
        if "up_to" in info.data and (info.data["up_to"] is None) == (ids is None):
            raise ValueError("Input should have either up_to or ids")
        return ids


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
    order_id: Annotated[Id | None, pydantic.Field(description="Null for a `bulk_change`.")]
    event_id: Annotated[
        Id,
        pydantic.Field(
            description="The change; for `message` and `note` the message, for `bulk_change` the bulk change."
        ),
    ]
    kind: Annotated[
        Literal["generic", "status", "message", "note", "bulk_change"],
        pydantic.Field(
            description="`status` has the text of the status, `message` and `note` the beginning of what was written, "
            "`bulk_change` how it ended."
        ),
    ]
    title: str
    body: str
    created_at: datetime
    read_at: datetime | None
    count: Annotated[
        int | None,
        pydantic.Field(
            description="How many changes and messages it stands for; only in a list with `grouped`.",
            json_schema_extra=never_null,
        ),
    ] = None


UnreadCount = Annotated[
    int,
    pydantic.Field(description="Unread entries, as a list with `grouped` has them, counted up to 1,000."),
]
AsOf = Annotated[
    Id | None,
    pydantic.Field(description="Your newest notification when they were counted; null if there is none."),
]


class NotificationCreatedEvent(Event):
    """You have a notification. The number of unread entries follows within a second: `notification.count`."""

    type: Literal["notification.created"]
    notification: Notification


class NotificationReadEvent(Event):
    """You have marked notifications as read, in another tab perhaps: all up to `up_to`, or `ids`."""

    type: Literal["notification.read"]
    up_to: Id | None
    ids: list[Id] | None
    unread_count: UnreadCount
    as_of: AsOf


class NotificationCountEvent(Event):
    """How many entries of your inbox are unread; follows `notification.created` and `notification.read`.

    It is not stored, and comes only to a stream of your own channel alone.
    """

    stored: ClassVar[bool] = False
    type: Literal["notification.count"]
    unread_count: UnreadCount
    as_of: AsOf


class NotificationPage(Answer):
    """A page of your notifications, newest first."""

    model_config = example(notifications=[example_of(Notification)], unread_count=1, next_cursor=None)

    notifications: list[Notification]
    unread_count: UnreadCount
    next_cursor: Annotated[
        int | None, pydantic.Field(description="Send it as `cursor` for the next page; null on the last page.")
    ]


def blueprint(marks: inbox.Marks) -> APIBlueprint:
    """The routes of the inbox."""
    routes = APIBlueprint("notifications", __name__, abp_tags=[{"name": "Notifications", "description": "Your inbox."}])
    guards.protect(routes)

    @routes.get(
        "/api/notifications",
        summary="Read your notifications",
        **documented(NotificationPage, headers=("Link", "Onward-Cursor")),
    )
    @typed
    def list_notifications(query: NotificationsQuery) -> Response:
        """Newest first, with the number of entries that are unread. What your side did itself is not among them."""
        rows, cursor = inbox.page(guards.current(), query.cursor, query.limit, query.grouped)
        return link_next(_answer(rows, cursor), cursor)

    def mark(body: MarkNotificationsReadRequest) -> None:
        if body.ids is not None:
            marks.some(guards.current(), body.ids)
        elif body.up_to is not None:
            marks.up_to(guards.current(), body.up_to)

    @routes.post("/api/notifications/read", summary="Mark your notifications as read", **documented(NotificationPage))
    @typed
    @keyed_after(mark)
    def mark_notifications_read(body: MarkNotificationsReadRequest) -> Response:  # noqa: ARG001  what is done first has asked for it
        """All up to one, or some; the response is the first page of the inbox, as it is then."""
        rows, cursor = inbox.page(guards.current(), LARGEST_ID, 50)
        return _answer(rows, cursor)

    return routes


def _answer(rows: str, cursor: int | None) -> Response:
    unread = inbox.unread_count(guards.current())
    text = f'{{"notifications":{rows},"unread_count":{unread},"next_cursor":{cursor or "null"}}}'
    return Response(text, content_type="application/json")
