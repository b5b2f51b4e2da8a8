"""Pushes the number of unread entries to the recipients who are looking, soon after each of their notifications.

The count is the server's, so that no page adds and subtracts. It is not part of the batch that writes a notification,
which would have to count for everybody, most of whom are not there: the hub says which channels it has just delivered
to, and their counts are read together, a moment later, by one query of this process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import gevent
from flask import Flask
from gevent.event import Event

from foundation import clock
from foundation.logs import FailureLog
from notifications import inbox

TYPE = "notification.count"

COLLECT_SECONDS = 0.25
"""A change causes two notifications, and a burst many: they are counted once."""

REST = 9
"""Rest this many times as long as counting took: it takes a tenth of one connection's time at most."""

AT_ONCE = 200
"""Recipients whose entries are counted by one query."""

AGAIN_SECONDS = 2.0

Say = Callable[[str, str, dict[str, object]], object]
"""Sends an event (channel, type, data) to those who listen to the channel in this process."""


class LiveCounts:
    """The counts of one process's listeners."""

    def __init__(self, app: Flask, say: Say) -> None:
        self._app = app
        self._say = say
        self._waiting: dict[str, None] = {}
        self._wake = Event()
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._failures = FailureLog(
            failed=("inbox.count_failed", "Unread notifications could not be counted; pages ask for their number"),
            recovered=("inbox.count_recovered", "Unread notifications are counted again"),
        )

    def start(self) -> None:
        self._greenlet = gevent.spawn(self._follow)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill(timeout=1)
            self._greenlet = None

    def note(self, channels: Iterable[str]) -> None:
        """Note that the inboxes of these channels have changed."""
        self._waiting.update(dict.fromkeys(channels))
        self._wake.set()

    def push(self) -> None:
        """Count for those who wait, as many as fit into one query, and send them their numbers."""
        due = list(self._waiting)[:AT_ONCE]
        for channel in due:
            del self._waiting[channel]
        with self._app.app_context():
            counted = inbox.unread([_recipient(channel) for channel in due])
        for one in counted:
            # If it has changed again meanwhile, this number may be older than what was delivered since.
            if one.who not in self._waiting:
                self._say(one.who, TYPE, {"at": clock.now(), "unread_count": one.count, "as_of": one.as_of})

    def _follow(self) -> None:
        while True:
            self._wake.wait()
            gevent.sleep(COLLECT_SECONDS)
            began = clock.monotonic()
            try:
                self.push()
                self._failures.recovered()
            except Exception as error:
                self._failures.failed(error)
                gevent.sleep(AGAIN_SECONDS)
            gevent.sleep(REST * (clock.monotonic() - began))
            if not self._waiting:
                self._wake.clear()


def _recipient(channel: str) -> tuple[str, int]:
    role, _, id = channel.partition(":")
    return role, int(id)
