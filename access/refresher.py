"""Refreshes what a process knows of keys and revocations, in the background."""

from __future__ import annotations

import gevent
from flask import Flask

from access.credentials import Credentials
from foundation.logs import FailureLog

LOOK_SECONDS = 1.0
"""A revoked token is refused by every process within this time."""

REFRESH_SECONDS = 300
"""How often keys are read again; one that a token names and nobody knows is requested at once."""

LEAST_REFRESH_SECONDS = 10
"""Minimum interval, however many tokens name unknown keys."""


class Refresher:
    """Two greenlets that poll."""

    def __init__(self, app: Flask, credentials: Credentials) -> None:
        self._app = app
        self.credentials = credentials
        self._failures = FailureLog(
            failed=(
                "revocations.read_failed",
                "Revocations could not be read; what is revoked from now on stays valid here",
            ),
            recovered=("revocations.read_recovered", "Revocations are read again"),
        )
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def start(self) -> None:
        self._greenlets = [gevent.spawn(self._look_for_revocations), gevent.spawn(self._refresh_keys)]

    def stop(self) -> None:
        gevent.killall(self._greenlets, timeout=1)
        self._greenlets = []

    def look(self) -> None:
        """Read new revocations, and drop the credentials they affect."""
        with self._app.app_context():
            self.credentials.tokens.revocations.look()
        self.credentials.forget_revoked()

    def _look_for_revocations(self) -> None:
        while True:
            try:
                self.look()
                self._failures.recovered()
            except Exception as error:
                self._failures.failed(error)
            gevent.sleep(LOOK_SECONDS)

    def _refresh_keys(self) -> None:
        keys = self.credentials.tokens.keys
        while keys.file or keys.url:
            keys.refresh()
            self.credentials.forget_revoked()
            gevent.sleep(LEAST_REFRESH_SECONDS)
            if not keys.doubtful:
                keys.asked.wait(REFRESH_SECONDS - LEAST_REFRESH_SECONDS)
            keys.asked.clear()
