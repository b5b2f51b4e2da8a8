"""Hands events to this process's subscribers: the same encoded bytes to each who listens to the channel."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from gevent.event import Event

from realtime import sse

BACKLOG_BYTES = 64 * 1024
"""What may wait for one subscriber. Who is further behind is dropped, comes back by its cursor and loses nothing."""


class Subscriber:
    """An open connection that listens, with its bounded backlog."""

    def __init__(self, channels: Iterable[str]) -> None:
        self.channels = frozenset(channels)
        self.closed_for = ""
        """Why it takes nothing more; empty while it does."""

        self._frames: deque[tuple[int, bytes]] = deque()
        self._bytes = 0
        self._arrived = Event()

    def offer(self, seq: int, frame: bytes) -> None:
        """Put a frame into the backlog; a subscriber that cannot keep up is closed instead."""
        if self.closed_for:
            return
        self._frames.append((seq, frame))
        self._bytes += len(frame)
        if self._bytes > BACKLOG_BYTES:
            self.close("slow consumer")
        self._arrived.set()

    def close(self, reason: str) -> None:
        """Take nothing more, and let the reader know why."""
        self.closed_for = self.closed_for or reason
        if reason == "slow consumer":
            self._frames.clear()
        self._arrived.set()

    def take(self, timeout: float) -> list[tuple[int, bytes]]:
        """All that has arrived; waits up to `timeout` seconds for the first."""
        if not self._frames and not self.closed_for:
            self._arrived.wait(timeout)
        self._arrived.clear()
        taken = list(self._frames)
        self._frames.clear()
        self._bytes = 0
        return taken


class Hub:
    """Knows who listens to what."""

    def __init__(self) -> None:
        self._by_channel: dict[str, set[Subscriber]] = {}
        self.subscribers: set[Subscriber] = set()

    def add(self, subscriber: Subscriber) -> None:
        self.subscribers.add(subscriber)
        for channel in subscriber.channels:
            self._by_channel.setdefault(channel, set()).add(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        self.subscribers.discard(subscriber)
        for channel in subscriber.channels:
            listening = self._by_channel.get(channel)
            if listening is not None:
                listening.discard(subscriber)
                if not listening:
                    del self._by_channel[channel]

    def publish(self, epoch: int, seq: int, channel: str, event: str, data: str) -> None:
        """Offer an event to everyone on its channel; it is encoded once, and only if somebody is there."""
        listening = self._by_channel.get(channel)
        if listening:
            frame = sse.encode(event, data, f"{epoch}.{seq}")
            for subscriber in listening:
                subscriber.offer(seq, frame)

    def close(self, reason: str) -> None:
        """Close every subscriber."""
        for subscriber in list(self.subscribers):
            subscriber.close(reason)
