"""Forget what is too old to be replayed: ranges of bounded length, with time for the others in between."""

from __future__ import annotations

import gevent
import psycopg2

from foundation.errors import ServiceUnavailable
from foundation.logs import Trouble
from realtime.log import Log

PRUNE_SECONDS = 60.0
REST_SECONDS = 0.05
"""Between two ranges of 2,000 events, which take about 10 ms; 40,000 a second are more than can be written."""


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
                    gevent.sleep(REST_SECONDS)
                self._trouble.over()
            except (psycopg2.Error, ServiceUnavailable) as error:
                self._trouble.tell(error)
