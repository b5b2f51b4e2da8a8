"""The access log of streams: gunicorn writes no line for a connection that it has given up, so we do, at both ends."""

from __future__ import annotations

import structlog

from foundation import clock
from realtime.subscriber import Subscriber

log = structlog.get_logger("onward.streams")


class Journal:
    """One line when a stream opens, and one when it closes."""

    def opened(self, subscriber: Subscriber, cursor: str, replayed: int) -> None:
        log.info(
            "stream opened",
            who=subscriber.who,
            channels=subscriber.channels,
            cursor=cursor or None,
            replayed=replayed,
            way="iterator" if subscriber.iterated else "socket",
        )

    def closed(self, subscriber: Subscriber) -> None:
        log.info(
            "stream closed",
            who=subscriber.who,
            channels=subscriber.channels,
            seconds=round(clock.monotonic() - subscriber.opened_at, 3),
            events=subscriber.events,
            bytes=subscriber.bytes,
            reason=subscriber.closed_for,
        )
