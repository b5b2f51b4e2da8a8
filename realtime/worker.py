"""gunicorn's gevent worker, taught that a connection may be taken from it, and that stopping begins with goodbye.

gunicorn clears `alive` for every reason to stop: SIGTERM, SIGHUP's replacement, max_requests. Only a lost parent is
told by SystemExit. So both are looked for, and the process ends no earlier than its work is handed back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
from gunicorn import util
from gunicorn.workers.ggevent import GeventWorker

from foundation import refusals
from realtime.handover import DETACHED, HandOver

LOOK_SECONDS = 0.05
STOP_SECONDS = 12.0
"""Below gunicorn's graceful_timeout, after which the process is killed."""


IDLE_SECONDS = 1.0
"""How long a kept-alive connection may still say nothing once the process is to end; it would hold it for 5 s."""


class Patience(gevent.Timeout):
    """The time that the next request on a connection has to arrive in; gunicorn closes the connection after it."""

    def __init__(self, seconds: float, waiting: dict[Patience, Any]) -> None:
        super().__init__(seconds, False)  # type: ignore[arg-type]  # the stubs know no silent one
        self._waiting = waiting

    def __enter__(self) -> Any:
        self._waiting[self] = gevent.getcurrent()
        return super().__enter__()

    def __exit__(self, *raised: Any) -> Any:
        self._waiting.pop(self, None)
        return super().__exit__(*raised)


class StreamWorker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker whose streams live beside its connections."""

    on_stop: Callable[[], None] | None = None
    """Called once, as soon as the process is to end; the process waits for it."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._waiting: dict[Patience, Any] = {}

    def timeout_ctx(self) -> Patience:
        """How long to wait for a request."""
        return Patience(self.cfg.keepalive, self._waiting)

    def load_wsgi(self) -> None:
        """Load the application, and stand between it and the sockets; refusals speak its language."""
        super().load_wsgi()
        util.write_error = refusals.write
        self.wsgi: HandOver = HandOver(self.wsgi)

    def is_already_handled(self, respiter: Any) -> bool:
        """Whether this response's connection is gone; raises StopIteration to have gunicorn forget it.

        (Returning True is not enough: gunicorn would go on to read the next request from the stream's socket.)
        """
        if respiter is DETACHED:
            raise StopIteration
        handled: bool = super().is_already_handled(respiter)
        return handled

    def run(self) -> None:
        """Serve until told to stop; then say goodbye while gunicorn waits for its requests."""
        stopper = gevent.spawn(self._stop_when_told)
        try:
            super().run()
        finally:
            self.alive = False
            stopper.join(STOP_SECONDS)

    def _close_idle(self) -> None:
        while True:
            gevent.sleep(IDLE_SECONDS)
            for patience, greenlet in list(self._waiting.items()):
                gevent.kill(greenlet, patience)

    def _stop_when_told(self) -> None:
        while self.alive:
            gevent.sleep(LOOK_SECONDS)
        gevent.spawn(self._close_idle)
        if self.on_stop is not None:
            self.on_stop()
