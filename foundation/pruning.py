"""Deletes expired rows in the background, and fills new columns of old ones: in chunks that each commit, with pauses
for others."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import gevent
from flask import Flask

from foundation.logs import FailureLog

PRUNE_SECONDS = 60.0
REST_SECONDS = 0.05
"""Pause between two chunks of about 10 ms; a chunk times 20 is more than can be written in a second."""

Prune = Callable[[], int]
"""Deletes or fills a chunk of rows and commits; returns how many rows there were."""


class Pruner:
    """Prunes some tables periodically; a table that cannot be pruned does not affect the others."""

    def __init__(self, app: Flask, tables: Mapping[str, Prune]) -> None:
        self._app = app
        self._tables = {name: (prune, _failures(name)) for name, prune in tables.items()}
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        self._greenlet = gevent.spawn(self._prune_for_ever)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill(timeout=1)
            self._greenlet = None

    def prune(self) -> None:
        """Prune all of them until nothing is expired."""
        for prune, failures in self._tables.values():
            try:
                while self._piece(prune):
                    gevent.sleep(REST_SECONDS)
                failures.recovered()
            except Exception as error:
                failures.failed(error)

    def _piece(self, prune: Prune) -> int:
        with self._app.app_context():
            return prune()

    def _prune_for_ever(self) -> None:
        while True:
            gevent.sleep(PRUNE_SECONDS)
            self.prune()


def _failures(table: str) -> FailureLog:
    return FailureLog(
        failed=("pruning.failed", "Old rows could not be deleted or filled; the next try is in a minute"),
        recovered=("pruning.recovered", "Old rows are deleted and filled again"),
        table=table,
    )
