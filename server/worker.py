"""gunicorn's gevent worker, extended: a connection can be taken from it, and a stop first closes the streams.

gunicorn clears `alive` for every reason to stop: SIGTERM, SIGHUP's replacement, max_requests. Only a lost parent is
reported by SystemExit. So both are watched, and the process does not exit before its work is released.
"""

from __future__ import annotations

import errno
import ssl
from collections.abc import Callable
from typing import Any

import gevent
from gunicorn import util
from gunicorn.http.errors import NoMoreData
from gunicorn.http.parser import RequestParser
from gunicorn.workers.ggevent import GeventWorker

from foundation import clock, logs, problems
from foundation.errors import AppError, RequestTimeout, TooManyConnections
from foundation.responses import PlainResponse
from server import bodies, reading, refusals, repeated_fields, requests, responses, tls, turns, writing
from server.admission import Admission
from server.patience import Patience, Waits
from server.requests import Plain

log = logs.get_logger(__name__)

Respond = Callable[[bytes], PlainResponse]
"""Given a request's body, responds to it."""

LEFT = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN)
"""Errors of a connection whose client has left."""

LOOK_SECONDS = 0.05
STOP_SECONDS = 12.0
"""Below gunicorn's graceful_timeout, after which the process is killed."""


IDLE_SECONDS = 1.0
"""How long a kept-alive connection may stay silent once the process is stopping; otherwise it would delay the stop by 5
s."""


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class StreamWorker(GeventWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker whose streams live beside its connections."""

    on_stop: Callable[[], None] | None = None
    """Called once, as soon as the process is stopping; the process waits for it."""

    open_stream: Callable[[Plain, Any], responses.TakeOver | None] | None = None
    """Opens a stream for a plain GET on this connection, or leaves it to gunicorn."""

    admission: Admission
    """Decides whether a connection is accepted."""

    read_plain: Callable[[bytes], Plain | None] = staticmethod(requests.read)
    """Reads a plain request."""

    accept: Callable[[Plain], Respond | None] | None = None
    """Returns what responds to another plain request once its body is there, or leaves it to gunicorn."""

    encode: Callable[[PlainResponse, bool], bytes] = staticmethod(responses.Encoder().encode)
    """Writes a whole response; the second argument says whether the connection goes on."""

    body_seconds: float = 8.0
    """Time limit for the body of a plain request."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._waits = Waits()
        cfg = self.cfg
        self.reads_plain = cfg.keepalive and not (
            cfg.accesslog
            or cfg.statsd_host
            or cfg.proxy_protocol != "off"
            or cfg.http2_cleartext != "off"
            or cfg.protocol != "http"
        )
        """Whether plain requests are read here. gunicorn reads everything if it writes a record of each request, or if
        a connection begins with something else than one."""

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection, if the limits allow it."""
        counted = self.admission.admit(addr[0] if addr else "")
        if counted is None:
            if not isinstance(client, ssl.SSLSocket):
                refusals.turn_away(client, self._refusal(TooManyConnections()))
            return
        try:
            if addr and self.admission.is_crowd(addr[0]):
                turns.arrivals.wait()
            if not isinstance(client, ssl.SSLSocket) or tls.shake_hands(client):
                self._serve(listener, client, addr)
        finally:
            self.admission.leave(counted)

    def _serve(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection's requests: plain ones here, others as gunicorn does; all of them, if it has to."""
        if isinstance(client, ssl.SSLSocket) or not self.reads_plain:
            super().handle(listener, client, addr)
            return
        try:
            client.setblocking(True)
            parser, piece = None, b""
            while True:
                piece = self._serve_plain(client, piece)
                if parser is None:
                    parser = RequestParser(self.cfg, client, addr)
                piece = self._serve_other(parser, piece, listener, addr)
        except (StopIteration, NoMoreData):
            pass  # the last response said so, or the client has left
        except RequestTimeout as late:
            refusals.refuse(client, self.encode(problems.answer(late), False))
        except OSError as error:
            if error.errno not in LEFT:
                log.exception("connection.failed", "A connection broke in an unexpected way")
        except BaseException as error:
            self.handle_error(None, client, addr, error)
        finally:
            util.close(client)

    def _serve_plain(self, client: Any, piece: bytes) -> bytes:
        """Answer plain requests; returns what has arrived of the first that is not one, which is left to gunicorn.

        `piece` has arrived already. Raises StopIteration at the end of the connection, RequestTimeout for a body that
        is late.
        """
        while True:
            piece = piece or self._wait(client)
            begun = clock.monotonic()
            request = self.read_plain(piece)
            if request is None:
                return piece
            if request.method == "GET":
                if not self._open_stream(client, request):
                    return piece
                raise StopIteration
            respond = self.accept(request) if self.accept is not None else None
            if respond is None:
                return piece
            if len(piece) < request.end:
                piece = self._complete(client, piece, request.end)
                if len(piece) < request.end:
                    return piece
            self._count()
            response = respond(piece[request.begin :])
            writing.send(client, self.encode(response, self.alive))
            responses.seconds_of("plain", response.status[0]).observe(clock.monotonic() - begun)
            if not self.alive:
                raise StopIteration
            piece = b""

    def _wait(self, client: Any) -> bytes:
        """The first bytes of the next request; raises StopIteration if none comes."""
        piece: bytes = b""
        with self.timeout_ctx():
            piece = client.recv(requests.HEAD_BYTES)
        if not piece:
            raise StopIteration
        return piece

    def _complete(self, client: Any, piece: bytes, end: int) -> bytes:
        """The bytes up to `end`; fewer if the client ends before. Many clients send a head and its body in two
        segments."""
        with gevent.Timeout(self.body_seconds, RequestTimeout(bodies.LATE)):
            while len(piece) < end:
                more = client.recv(end - len(piece))
                if not more:
                    break
                piece += more
        return piece

    def _open_stream(self, client: Any, request: Plain) -> bool:
        """Hand the connection over to a stream, if that is what is requested."""
        if self.open_stream is None or (take_over := self.open_stream(request, client)) is None:
            return False
        self._count()
        take_over(client)
        return True

    def _serve_other(self, parser: RequestParser, piece: bytes, listener: Any, addr: Any) -> bytes:
        """Have gunicorn read and answer the request that begins with `piece`; returns what has arrived behind it."""
        reader, request = parser.unreader, None
        reader.begin_head(piece)
        try:
            with self.timeout_ctx():
                request = next(parser)
            if request is None:
                raise StopIteration
            self.handle_request(listener.getsockname(), request, reader.sock, addr)
            if not parser.finish_body():
                raise StopIteration  # nobody knows where the next one begins
        except (StopIteration, OSError):
            raise
        except BaseException as error:
            self.handle_error(request, reader.sock, addr, error)
            raise StopIteration from error
        parser.mesg = None
        rest: bytes = reader.take_buffered()
        return rest

    def _count(self) -> None:
        """Count a request as gunicorn does: a worker may have to stop after a number of them."""
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
        return Patience(self.cfg.keepalive, self._waits)

    def load_wsgi(self) -> None:
        """Load the application, and make gunicorn read, write and refuse as we do."""
        super().load_wsgi()
        util.write_error = self._write_error
        responses.install()
        reading.install()
        repeated_fields.install()
        writing.install()

    def _write_error(self, client: Any, status: int, _reason: str, _message: str) -> None:
        """Stands in for `gunicorn.util.write_error`. Its message repeats the input; it is logged and not sent."""
        refusals.refuse(client, self._refusal(problems.of_status(status)))

    def _refusal(self, error: AppError) -> bytes:
        """The response to a request of which nothing is known."""
        logs.request_id.set(logs.new_request_id(None))
        return self.encode(problems.answer(error), False)

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
        self._waits.start()
        for listener in self.sockets:
            writing.limit(listener)
        try:
            super().run()
        finally:
            self.alive = False
            stopper.join(STOP_SECONDS)

    def _stop_on_request(self) -> None:
        while self.alive:
            gevent.sleep(LOOK_SECONDS)
        writing.writers.ending = True
        self._waits.at_most = IDLE_SECONDS
        if self.on_stop is not None:
            self.on_stop()
