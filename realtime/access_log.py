"""The access log of streams, one record at each end: gunicorn logs nothing for a connection that it has given up."""

from __future__ import annotations

from collections import Counter

import prometheus_client

from foundation import clock
from foundation.logs import get_logger, info_enabled
from realtime.subscriber import Subscriber

log = get_logger("onward.streams")
enabled = info_enabled("onward.streams")

LINES = 20
"""Maximum records of one principal's connects per minute, and of its disconnects; the others are only counted. A client
that connected and disconnected in a loop wrote 2,000 lines a second."""

OPENED = prometheus_client.Counter("onward_streams_opened", "Streams that were opened, or resumed.", ("way",))
CLOSED = prometheus_client.Counter("onward_streams_closed", "Streams that ended, by reason.", ("reason",))


class AccessLog:
    """One record when a stream opens and one when it closes, unless one principal has too many of them."""

    def __init__(self) -> None:
        self._opened: Counter[str] = Counter()
        """Streams without a record since the last summary, by principal; likewise for closed ones."""

        self._closed: Counter[str] = Counter()

    def opened(self, subscriber: Subscriber, cursor: str, replayed: int) -> None:
        OPENED.labels("resumed" if cursor else "new").inc()
        if not enabled():
            return
        self._opened[subscriber.who] += 1
        if self._opened[subscriber.who] <= LINES:
            log.info(
                "stream.opened",
                "Stream opened",
                who=subscriber.who,
                channels=subscriber.channels,
                cursor=cursor or None,
                replayed=replayed,
                way="iterator" if subscriber.iterated else "socket",
            )

    def closed(self, subscriber: Subscriber) -> None:
        CLOSED.labels(subscriber.closed_for).inc()
        if not enabled():
            return
        self._closed[subscriber.who] += 1
        if self._closed[subscriber.who] <= LINES:
            log.info(
                "stream.closed",
                "Stream closed",
                who=subscriber.who,
                channels=subscriber.channels,
                seconds=round(clock.monotonic() - subscriber.opened_at, 3),
                events=subscriber.events,
                bytes=subscriber.bytes,
                reason=subscriber.closed_for,
            )

    def sum_up(self) -> None:
        """Log how many had no record of their own, and restart the count; called once a minute."""
        for who, streams in self._opened.items():
            if streams > LINES:
                log.info("stream.more_opened", "Further streams opened", who=who, streams=streams - LINES)
        for who, streams in self._closed.items():
            if streams > LINES:
                log.info("stream.more_closed", "Further streams closed", who=who, streams=streams - LINES)
        self._opened.clear()
        self._closed.clear()
