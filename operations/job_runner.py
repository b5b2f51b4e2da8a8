"""Makes the pieces of operators' jobs, in every process: each takes the job that has waited longest."""

from __future__ import annotations

import gevent
from flask import Flask

from foundation.logs import FailureLog
from operations import jobs

LOOK_SECONDS = 1.0
REST_SECONDS = 0.02
"""Between two pieces, for others."""


class JobRunner:
    """The jobs of one process."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._failures = FailureLog(
            failed=("operator_job.failed", "A piece of an operator's job failed; it is tried again in 5 s"),
            recovered=("operator_job.recovered", "Operators' jobs go on"),
        )

    def start(self) -> None:
        self._greenlet = gevent.spawn(self._run_for_ever)

    def stop(self) -> None:
        """A piece in progress is rolled back; another process makes it."""
        if self._greenlet is not None:
            self._greenlet.kill(timeout=1)
            self._greenlet = None

    def run(self) -> None:
        """Make all pieces that are due."""
        while self._piece():
            gevent.sleep(REST_SECONDS)

    def _piece(self) -> int:
        with self._app.app_context():
            return jobs.make_piece()

    def _run_for_ever(self) -> None:
        while True:
            gevent.sleep(LOOK_SECONDS)
            try:
                self.run()
                self._failures.recovered()
            except Exception as error:
                self._failures.failed(error)
