"""Periodic work on streams: heartbeats, expiry, and the check whether they still have access.

One pass over all subscribers does it, twice a second: a timer for each would take more memory than the subscriber.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Protocol

import gevent

from foundation import clock
from foundation.logs import get_logger, text_of
from realtime import sse
from realtime.followed import revocable
from realtime.hub import YIELD_AFTER, Hub
from realtime.subscriber import Subscriber

log = get_logger(__name__)

STEP_SECONDS = 0.5
"""A token's expiry is noticed within this time."""

HEARTBEAT_SECONDS = 15
"""Below the 60 s at which home routers and proxies cut an idle connection. A named event: scripts see no comments."""

STEPS_PER_HEARTBEAT = int(HEARTBEAT_SECONDS / STEP_SECONDS)

STEPS_PER_SUM = int(60 / STEP_SECONDS)
"""Once a minute the access log reports what it has left out."""

EXPIRY_WARNING_SECONDS = 60
"""How long before its token expires a stream is warned, so that the client can fetch a new one in time."""

RIGHTS_SECONDS = 5
"""How often lost access is checked. The answer comes from memory."""

BYE_RETRY_MS = (1000, 5000)
"""Requested reconnects are spread over this range; otherwise all would return at once."""

RETRIES_PER_SECOND = 1000
"""How many streams of one process may reconnect per second when all are closed."""

EXPIRING = "auth-expiring"


class Rights(Protocol):
    """The source of lost rights."""

    @property
    def rights_version(self) -> int:
        """Increases with every lost right."""

    def rights_lost(self, names: Collection[str]) -> Collection[str]:
        """Given the principals and credentials of the streams here, returns those that were revoked recently."""


def bye(reason: str, streams: int = 0, retry_ms: int | None = None) -> bytes:
    """The last event of a stream that is closed in order; the more streams are closed, the wider their reconnects are
    spread."""
    least, most = BYE_RETRY_MS
    if retry_ms is None:
        retry_ms = random.randint(least, max(most, least + 1000 * streams // RETRIES_PER_SECOND))
    return sse.encode_json("bye", {"at": clock.now(), "reason": reason, "retry_ms": retry_ms}, "", retry_ms)


class Heartbeats:
    """Passes over the hub's subscribers."""

    def __init__(self, hub: Hub, rights: Rights) -> None:
        self._hub = hub
        self._rights = rights
        self._step = 0
        self._asked_at = clock.monotonic()
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def start(self) -> None:
        self._greenlets = [gevent.spawn(self._beat), gevent.spawn(self._ask)]

    def stop(self) -> None:
        gevent.killall(self._greenlets, timeout=1)
        self._greenlets = []

    def walk(self) -> None:
        """One pass: send heartbeats that are due, warn and close streams whose time has come."""
        self._step += 1
        now, turn = clock.monotonic(), self._step % STEPS_PER_HEARTBEAT
        beat = sse.encode_json("heartbeat", {"at": clock.now()})
        for number, subscriber in enumerate(list(self._hub.subscribers)):
            if now >= subscriber.ends_at and not subscriber.closed_for:
                self._end(subscriber)
            elif subscriber.fd % STEPS_PER_HEARTBEAT == turn:
                self._hub.say(subscriber, beat)
            if number % YIELD_AFTER == YIELD_AFTER - 1:
                gevent.sleep(0)
        self._hub.sockets.drop_stuck()
        if self._step % STEPS_PER_SUM == 0:
            self._hub.access_log.sum_up()

    def ask_for_rights(self) -> None:
        """Close the streams that have lost access."""
        streams = list(self._hub.subscribers)
        names = {one.who for one in streams} | {one.credential for one in streams} | set(map(revocable, streams))
        lost = set(self._rights.rights_lost(names))
        for subscriber in [one for one in streams if not lost.isdisjoint(_grounds(one))] if lost else ():
            self._hub.end(subscriber, "rights-lost", bye("rights-lost"))

    def _end(self, subscriber: Subscriber) -> None:
        if subscriber.ends_for == EXPIRING:
            subscriber.ends_for = "expired"
            subscriber.ends_at += EXPIRY_WARNING_SECONDS
            warning = {"at": clock.now(), "seconds": max(0, round(subscriber.ends_at - clock.monotonic()))}
            self._hub.say(subscriber, sse.encode_json(EXPIRING, warning))
        else:
            self._hub.end(subscriber, subscriber.ends_for, bye(subscriber.ends_for))

    def _beat(self) -> None:
        while True:
            gevent.sleep(STEP_SECONDS)
            self.walk()

    def _ask(self) -> None:
        while True:
            gevent.sleep(RIGHTS_SECONDS)
            try:
                self.ask_for_rights()
            except Exception as error:
                log.warning(
                    "stream.revocation_check_failed",
                    "Revocation check failed; open streams keep their access",
                    reason=text_of(error),
                )


def _grounds(subscriber: Subscriber) -> tuple[str, ...]:
    """The names of what a stream's access depends on."""
    return subscriber.who, subscriber.credential, revocable(subscriber)
