"""Keeps fresh what a process knows of keys and of revoked tokens, beside the requests and never in their way."""

from __future__ import annotations

import gevent
from flask import Flask

from access.credentials import Proofs
from foundation.logs import FailureLog

LOOK_SECONDS = 1.0
"""A revoked token is refused by every process within this time."""

REFRESH_SECONDS = 300
"""How often keys are read again; one that a token names and nobody knows is asked for at once."""

LEAST_REFRESH_SECONDS = 10
"""However many tokens name keys that nobody knows."""


class Refresher:
    """Two greenlets that look again and again."""

    def __init__(self, app: Flask, proofs: Proofs) -> None:
        self._app = app
        self.proofs = proofs
        self._failures = FailureLog("Nobody can say which tokens were revoked")
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def start(self) -> None:
        self._greenlets = [gevent.spawn(self._look_for_revocations), gevent.spawn(self._refresh_keys)]

    def stop(self) -> None:
        gevent.killall(self._greenlets, timeout=1)
        self._greenlets = []

    def look(self) -> None:
        """Learn what was revoked, and forget what is known by it."""
        with self._app.app_context():
            self.proofs.tokens.revocations.look()
        self.proofs.forget_revoked()

    def _look_for_revocations(self) -> None:
        while True:
            try:
                self.look()
                self._failures.over()
            except Exception as error:
                self._failures.tell(error)
            gevent.sleep(LOOK_SECONDS)

    def _refresh_keys(self) -> None:
        keys = self.proofs.tokens.keys
        while keys.file or keys.url:
            keys.refresh()
            self.proofs.forget_revoked()
            gevent.sleep(LEAST_REFRESH_SECONDS)
            if not keys.doubtful:
                keys.asked.wait(REFRESH_SECONDS - LEAST_REFRESH_SECONDS)
            keys.asked.clear()
