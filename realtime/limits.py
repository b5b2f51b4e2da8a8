"""Limits on streams: in this process, per user, per address, and through the iterator."""

from __future__ import annotations

from realtime.heartbeats import bye
from realtime.hub import Hub
from realtime.subscriber import Listener

CROWDED_RETRY_MS = 60_000
"""Delay the evicted stream's reconnect, or tabs would evict each other in a loop."""


class StreamLimits:
    """Decides whether one more stream is opened, and which one is closed for it."""

    def __init__(self, hub: Hub, in_all: int, per_person: int, iterated: int, per_address: int = 100) -> None:
        self._hub = hub
        self._in_all = in_all
        self._per_person = per_person
        self._per_address = per_address
        self._iterated = iterated
        """An iterated stream takes one of gunicorn's connections; if they took all of them, no request would be
        answered."""

    def admit(self, listener: Listener, detached: bool) -> bool:
        """Whether there is capacity; a user's oldest stream is closed for the newest."""
        hub = self._hub
        if self.is_crowded(listener.address):
            return False
        if listener.counted:
            self._evict(listener)
        if len(hub.subscribers) >= self._in_all:
            return False
        return detached or len(hub.subscribers) - len(hub.sockets) < self._iterated

    def is_crowded(self, address: str) -> bool:
        """Whether no further stream is opened for this address. None is closed for a newer one: with a link anybody
        could close those of others at the same address."""
        return self._hub.by_address.get(address, 0) >= self._per_address

    def _evict(self, listener: Listener) -> None:
        if sum([self._hub.count(channel) for channel in listener.channels]) < self._per_person:
            return  # nearly always
        mine = dict.fromkeys(
            one for channel in listener.channels for one in self._hub.listening(channel) if one.who == listener.who
        )
        theirs = sorted((one for one in mine if not one.closed_for), key=lambda one: one.opened_at)
        for oldest in theirs[: max(0, len(theirs) - self._per_person + 1)]:
            self._hub.end(oldest, "too many streams", bye("too many streams", retry_ms=CROWDED_RETRY_MS))
