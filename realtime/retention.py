"""Forget what is too old to be replayed, a little at a time."""

from __future__ import annotations

import gevent
import psycopg2

from foundation.errors import ServiceUnavailable
from foundation.logs import Trouble
from realtime.log import Log

PRUNE_SECONDS = 60.0


class Retention:
    """Prunes the log now and then."""

    def __init__(self, log: Log, hours: int) -> None:
        self._log = log
        self._hours = hours
        self._trouble = Trouble("The log of live events cannot be pruned")
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        self._greenlet = gevent.spawn(self._prune_for_ever)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill(timeout=1)
            self._greenlet = None

    def _prune_for_ever(self) -> None:
        while True:
            gevent.sleep(PRUNE_SECONDS)
            try:
                while self._log.prune(self._hours) > 0:
                    gevent.sleep(0)
                self._trouble.over()
            except (psycopg2.Error, ServiceUnavailable) as error:
                self._trouble.tell(error)
