"""The service as an object."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from onward_client.models import Change, Event, HistoryEvent, Order, Result
from onward_client.stream import Listening
from onward_client.transport import Token, Transport

MOST_CHANGES = 500
"""In one request."""

PAGE = 200


class Onward:
    """A client of one Onward installation with one token; thread-safe.

    `timeout` is the limit for one response, `patience` how long an unanswered request is repeated, both in seconds.
    """

    def __init__(self, url: str, token: Token, *, timeout: float = 10.0, patience: float = 30.0) -> None:
        self._transport = Transport(url, token, timeout, patience)

    def me(self) -> Mapping[str, Any]:
        """The current principal."""
        answer: Mapping[str, Any] = self._transport.get("/api/me")
        return answer

    def workflow(self) -> Mapping[str, Any]:
        """The statuses, and the transitions between them."""
        answer: Mapping[str, Any] = self._transport.get("/api/workflow")
        return answer

    def order(self, order_id: int) -> Order:
        return Order.of(self._transport.get(f"/api/orders/{order_id}"))

    def history(self, order_id: int) -> list[HistoryEvent]:
        """The history of an order, oldest first."""
        events: list[HistoryEvent] = []
        query: dict[str, Any] = {"limit": PAGE}
        while True:
            page = self._transport.get(f"/api/orders/{order_id}/history", query)
            events += map(HistoryEvent.of, page["events"])
            if page.get("next_cursor") is None:
                return events
            query["cursor"] = page["next_cursor"]

    def orders(
        self,
        *,
        status: str | Sequence[str] = (),
        number: str | None = None,
        seller_id: int | None = None,
        buyer_id: int | None = None,
        placed_from: datetime | None = None,
        placed_until: datetime | None = None,
        q: str | None = None,
        sort: str = "newest",
    ) -> Iterator[Order]:
        """All your orders that match; the next page is fetched on demand."""
        query: dict[str, Any] = {
            "status": status if isinstance(status, str) else ",".join(status),
            "number": number,
            "seller_id": seller_id,
            "buyer_id": buyer_id,
            "placed_from": placed_from and placed_from.isoformat(),
            "placed_until": placed_until and placed_until.isoformat(),
            "q": q,
            "sort": sort,
            "limit": PAGE,
        }
        while True:
            page = self._transport.get("/api/orders", query)
            yield from map(Order.of, page["orders"])
            if page["next_cursor"] is None:
                return
            query["cursor"] = page["next_cursor"]

    def create(self, order: Mapping[str, Any], *, key: str | None = None) -> Order:
        """Create an order; its members are those of `POST /api/orders`."""
        return Order.of(self._transport.send("POST", "/api/orders", dict(order), key))

    def change_status(
        self,
        order_id: int,
        status: str,
        reason: str | None = None,
        *,
        tracking: Mapping[str, Any] | None = None,
        version: int | None = None,
        notify: bool = True,
        hold_seconds: int = 0,
        key: str | None = None,
    ) -> Order:
        """Change an order's status; with `version`, only if it still has that one.

        Without `notify` the buyer gets no notification and no e-mail. For `hold_seconds` nothing leaves the service.
        """
        body, headers = _change(status, reason, tracking, version)
        body |= ({} if notify else {"notify": False}) | ({"hold_seconds": hold_seconds} if hold_seconds else {})
        return Order.of(self._transport.send("PATCH", f"/api/orders/{order_id}/status", body, key, headers))

    def edit(
        self, order_id: int, members: Mapping[str, Any], *, version: int | None = None, key: str | None = None
    ) -> Order:
        """Edit these members of an order, where None removes one; with `version`, only if it still has that one."""
        headers = {"If-Match": f'"{version}"'} if version is not None else {}
        return Order.of(self._transport.send("PATCH", f"/api/orders/{order_id}", dict(members), key, headers))

    def dry_run(
        self, order_id: int, status: str, reason: str | None = None, *, version: int | None = None
    ) -> Mapping[str, Any]:
        """Check a change: raises what `change_status` would raise, and changes nothing."""
        body, headers = _change(status, reason, None, version)
        path = f"/api/orders/{order_id}/status/dry-run"
        answer: Mapping[str, Any] = self._transport.send("POST", path, body, None, headers)
        return answer

    def change_many(self, changes: Sequence[Change], *, key: str | None = None) -> list[Result]:
        """Make many changes, each independently; 500 are sent per request."""
        key, results = key or uuid.uuid4().hex, list[Result]()
        for first in range(0, len(changes), MOST_CHANGES):
            body = {"changes": [one.to_json() for one in changes[first : first + MOST_CHANGES]]}
            answer = self._transport.send("POST", "/api/orders/status-changes", body, f"{key}-{first}")
            results += map(Result.of, answer["results"])
        return results

    def send_message(self, order_id: int, text: str, *, key: str | None = None) -> Mapping[str, Any]:
        """Send a message in an order's conversation."""
        message: Mapping[str, Any] = self._transport.send(
            "POST", f"/api/orders/{order_id}/messages", {"body": text}, key
        )
        return message

    def events(self, after: str = "", *, channels: Sequence[str] = ()) -> Iterator[Event]:
        """The events after a cursor, up to now; without one, from the oldest event that is stored."""
        while True:
            page = self._transport.get("/api/events", {"after": after, "channels": ",".join(channels), "limit": 500})
            yield from (Event(one["id"], one["type"], one["data"]) for one in page["events"])
            after = page["next_cursor"]
            if not page["more"]:
                return

    def listen(self, cursor: str | None = None, *, channels: Sequence[str] = ()) -> Listening:
        """Live events from now on, or after the cursor, endlessly."""
        return Listening(self._transport, cursor, tuple(channels))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _change(
    status: str, reason: str | None, tracking: Mapping[str, Any] | None, version: int | None
) -> tuple[dict[str, Any], dict[str, str]]:
    body = {"status": status, "reason": reason, "tracking": tracking}
    headers = {"If-Match": f'"{version}"'} if version is not None else {}
    return {name: value for name, value in body.items() if value is not None}, headers
