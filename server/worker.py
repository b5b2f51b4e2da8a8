"""gunicorn's gevent worker, extended: a connection can be taken from it, and a stop first closes the streams.

gunicorn clears `alive` for every reason to stop: SIGTERM, SIGHUP's replacement, max_requests. Only a lost parent is
reported by SystemExit. So both are watched, and the process does not exit before its work is released.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any

import gevent
from gunicorn import util
from gunicorn.workers.ggevent import GeventWorker

from foundation.errors import TooManyConnections
from server import reading, refusals, requests, responses, turns, writing
from server.admission import Admission
from server.requests import Plain
from server.responses import PlainResponse

LOOK_SECONDS = 0.05
STOP_SECONDS = 12.0
"""Below gunicorn's graceful_timeout, after which the process is killed."""


IDLE_SECONDS = 1.0
"""How long a kept-alive connection may stay silent once the process is stopping; otherwise it would delay the stop by 5
s."""


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Patience(gevent.Timeout):
    """The time limit for the next request on a connection; gunicorn closes the connection after it."""

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
    """Called once, as soon as the process is stopping; the process waits for it."""

    open_stream: Callable[[Plain], responses.TakeOver | None] | None = None
    """Opens a stream for a plain GET, or leaves it to gunicorn."""

    admission: Admission
    """Decides whether a connection is accepted."""

    read_plain: Callable[[bytes], Plain | None] = staticmethod(requests.read)
    """Reads a plain request."""

    answer: Callable[[Plain], PlainResponse | None] | None = None
    """Responds to other plain requests, or leaves them to gunicorn."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._waiting: dict[Patience, Any] = {}

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection, if the limits allow it."""
        counted = self.admission.admit(addr[0] if addr else "")
        if counted is None:
            if not isinstance(client, ssl.SSLSocket):
                refusals.turn_away(client, TooManyConnections())
            return
        try:
            if addr and self.admission.is_crowd(addr[0]):
                turns.arrivals.wait()
            self._serve(listener, client, addr)
        finally:
            self.admission.leave(counted)

    def _serve(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve its plain requests here, and everything from the first one that is not plain, as gunicorn does.

        With an access log, gunicorn reads them all, since it writes the records.
        """
        over = False
        if not isinstance(client, ssl.SSLSocket) and not self.cfg.accesslog and not self.cfg.statsd_host:
            try:
                over = not self._serve_plain(client)
            except OSError:
                over = True  # the client has disconnected
            except BaseException:
                util.close(client)
                raise
        if over:
            util.close(client)
        else:
            super().handle(listener, client, addr)

    def _serve_plain(self, client: Any) -> bool:
        """Returns True if gunicorn has to read what has arrived, of which nothing was consumed; False at the end."""
        client.setblocking(True)
        while True:
            piece = b""
            with self.timeout_ctx():
                piece = client.recv(requests.PLAIN_BYTES, socket.MSG_PEEK)
            if not piece:
                return False
            request = self.read_plain(piece)
            if request is None:
                return True
            if request.method == "GET":
                if self.open_stream is None or (take_over := self.open_stream(request)) is None:
                    return True
                self._take(client, piece)
                take_over(client)
                return False
            answer = self.answer(request) if self.answer is not None else None
            if answer is None:
                return True
            self._take(client, piece)
            writing.send(client, responses.encode(answer, keep=self.alive))
            if not self.alive:
                return False

    def _take(self, client: Any, piece: bytes) -> None:
        """Count it as gunicorn does: a worker may have to stop after a number of requests."""
        client.recv(len(piece))
        self.nr += 1
        if self.nr >= self.max_requests:
            self.alive = False

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        """Respond to one request; the unread rest of its body is not waited for."""
        req.unreader.begin_request()
        if addr and self.admission.is_crowd(addr[0]):
            turns.crowds.wait()
        if req._expected_100_continue:
            writing.send(sock, CONTINUE)  # gunicorn would wait for ever to write
            req._expected_100_continue = False
        try:
            return super().handle_request(listener_name, req, sock, addr)
        except StopIteration:
            if reading.is_unread(req):
                writing.linger(sock)
            raise
        finally:
            req.unreader.end_request()

    def timeout_ctx(self) -> Patience:
        """How long to wait for a request."""
        return Patience(self.cfg.keepalive, self._waiting)

    def load_wsgi(self) -> None:
        """Load the application; refusals are formatted by it."""
        super().load_wsgi()
        util.write_error = refusals.write_refusal
        responses.install()
        reading.install()
        writing.install()

    def is_already_handled(self, respiter: Any) -> bool:
        """Whether this response's connection was taken over; raises StopIteration to make gunicorn forget it.

        (Returning True is not enough: gunicorn would then read the next request from the stream's socket.)
        """
        if respiter is responses.DETACHED:
            raise StopIteration
        handled: bool = super().is_already_handled(respiter)
        return handled

    def run(self) -> None:
        """Serve until stopped; then close the streams while gunicorn waits for its requests."""
        stopper = gevent.spawn(self._stop_on_request)
        for listener in self.sockets:
            writing.limit(listener)
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

    def _stop_on_request(self) -> None:
        while self.alive:
            gevent.sleep(LOOK_SECONDS)
        writing.writers.ending = True
        gevent.spawn(self._close_idle)
        if self.on_stop is not None:
            self.on_stop()
