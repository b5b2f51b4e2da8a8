"""What most programs do, in fewer words than its operation: functions that return a request, or the pages of a list."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Concatenate, Generic, Literal, ParamSpec, TypeVar, cast

from onward_client.call import AsyncSender, Call, Sender
from onward_client.events import Change, Event
from onward_client.generated import bodies, calls, models
from onward_client.values import Value

MOST_CHANGES = 500
"""In one request."""

PAGE = 200

P = ParamSpec("P")
T = TypeVar("T")
Page = TypeVar("Page", bound=Value)
Sort = Literal["newest", "oldest", "number", "total", "updated", "due"]


@dataclass(frozen=True)
class Pages(Generic[Page, T]):
    """A list that is read page by page."""

    read: Callable[[Any], Call[Page]]
    """The request of the page at a cursor."""

    items: Callable[[Page], Iterable[T]]
    following: Callable[[Page], Any]
    """The cursor of the page after this one; None after the last one."""

    first: Any = None


def paged(pages: Callable[P, Pages[Any, T]]) -> Callable[Concatenate[Sender, P], Iterator[T]]:
    """The method that reads all of a list; the next page is fetched on demand."""

    def method(self: Sender, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        of, cursor, more = (one := pages(*args, **kwargs)), one.first, True
        while more:
            page = self.send(of.read(cursor))
            yield from of.items(page)
            cursor = of.following(page)
            more = cursor is not None

    return _documented(method, pages)


def asynchronously_paged(pages: Callable[P, Pages[Any, T]]) -> Callable[Concatenate[AsyncSender, P], AsyncIterator[T]]:
    """The method that reads all of a list with `async for`; the next page is fetched on demand."""

    async def method(self: AsyncSender, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        of, cursor, more = (one := pages(*args, **kwargs)), one.first, True
        while more:
            page = await self.send(of.read(cursor))
            for item in of.items(page):
                yield item
            cursor = of.following(page)
            more = cursor is not None

    return _documented(method, pages)


def orders(
    *,
    status: str | Sequence[str] = (),
    number: str | None = None,
    seller_id: int | None = None,
    buyer_id: int | None = None,
    placed_from: datetime | None = None,
    placed_until: datetime | None = None,
    q: str | None = None,
    tag: str | None = None,
    late: bool | None = None,
    sort: Sort = "newest",
) -> Pages[models.OrderPage, models.Order]:
    """All your orders that match."""
    read = partial(
        calls.list_orders,
        status=(status if isinstance(status, str) else ",".join(status)) or None,
        number=number,
        seller_id=seller_id,
        buyer_id=buyer_id,
        placed_from=placed_from,
        placed_until=placed_until,
        q=q,
        tag=tag,
        late=late,
        sort=sort,
        limit=PAGE,
    )
    return Pages(lambda cursor: read(cursor=cursor), lambda page: page.orders, lambda page: page.next_cursor)


def history(order_id: int) -> Pages[models.HistoryEntryPage, models.HistoryEntry]:
    """The history of an order, oldest first."""
    return Pages(
        lambda cursor: calls.get_order_history(order_id, cursor=cursor, limit=PAGE),
        lambda page: page.events,
        lambda page: page.next_cursor,
    )


def events(after: str = "", *, channels: Sequence[str] = ()) -> Pages[models.LiveEventPage, Event]:
    """The events after a cursor, up to now; without one, from the oldest event that is stored."""
    names = ",".join(channels) or None
    return Pages(
        lambda cursor: calls.list_events(after=cursor or "", channels=names, limit=500),
        lambda page: (Event(one.id, one.type, one.raw["data"]) for one in page.events),
        lambda page: page.next_cursor if page.more else None,
        after,
    )


def change_status(
    order_id: int,
    status: str,
    reason: str | None = None,
    *,
    tracking: Mapping[str, Any] | None = None,
    version: int | None = None,
    notify: bool = True,
    hold_seconds: int = 0,
    key: str | None = None,
) -> Call[models.Order]:
    """Change an order's status; with `version`, only if it still has that one.

    Without `notify` the buyer gets no notification and no e-mail. For `hold_seconds` nothing leaves the service.
    """
    body = _change(status, reason, tracking)
    if not notify:
        body["notify"] = False
    if hold_seconds:
        body["hold_seconds"] = hold_seconds
    return calls.change_order_status(order_id, body, if_match=_etag(version), key=key)


def dry_run(
    order_id: int, status: str, reason: str | None = None, *, version: int | None = None
) -> Call[models.DryRunResult]:
    """Check a change: raises what `change_status` would raise, and changes nothing."""
    return calls.dry_run_order_status_change(order_id, _change(status, reason, None), if_match=_etag(version))


def edit(
    order_id: int, members: bodies.EditOrderRequest, *, version: int | None = None, key: str | None = None
) -> Call[models.Order]:
    """Edit these members of an order, where None removes one; with `version`, only if it still has that one."""
    return calls.edit_order(order_id, members, if_match=_etag(version), key=key)


def send_message(order_id: int, text: str, *, key: str | None = None) -> Call[models.Message]:
    """Send a message in an order's conversation."""
    return calls.create_message(order_id, {"body": text}, key=key)


def change_many(changes: Sequence[Change], key: str | None) -> Iterator[Call[models.ChangeOrderStatusesResult]]:
    """The requests that make many changes, each independently; 500 are sent in one."""
    key = key or uuid.uuid4().hex
    for first in range(0, len(changes), MOST_CHANGES):
        body: bodies.ChangeOrderStatusesRequest = {
            "changes": [one.to_json() for one in changes[first : first + MOST_CHANGES]]
        }
        yield calls.change_order_statuses(body, key=f"{key}-{first}")


def _change(status: str, reason: str | None, tracking: Mapping[str, Any] | None) -> bodies.ChangeOrderStatusRequest:
    body: bodies.ChangeOrderStatusRequest = {"status": status}
    if reason is not None:
        body["reason"] = reason
    if tracking is not None:
        body["tracking"] = cast(bodies.Tracking, tracking)
    return body


def _etag(version: int | None) -> str | None:
    return None if version is None else f'"{version}"'


def _documented(method: T, pages: Callable[..., Any]) -> T:
    method.__name__, method.__doc__ = pages.__name__, pages.__doc__  # type: ignore[attr-defined]
    return method
