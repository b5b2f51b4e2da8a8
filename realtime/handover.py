"""A thin WSGI layer that takes the socket of a stream away from gunicorn.

The view below has authorised the stream and left it in the environment. Its response head, greeting and replay are
written here, by the request's own greenlet; then the descriptor goes to the hub and the greenlet ends. If the socket
cannot be detached (TLS in the worker, HTTP/2), the view knows beforehand and responds with an iterator.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from realtime.departures import PIECE_BYTES
from realtime.routes import CAN_DETACH, OPENING
from realtime.sockets import limit_buffers
from realtime.stream import Opening
from server import responses
from server.writing import send

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class HandOver:
    """Wraps an application whose streams are to be detached."""

    def __init__(self, app: WSGIApplication, detaches: bool = True) -> None:
        """`detaches`: False leaves every stream to the iterator."""
        self.app = app
        self.detaches = detaches

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ[CAN_DETACH] = self.detaches and can_detach(environ)
        head: list[bytes] = []

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            if OPENING in environ and not status.startswith("200"):
                environ.pop(OPENING).give_up()
            if OPENING not in environ:
                return start_response(status, headers, *more)
            head.append(encode_head(status, headers))
            return None

        answer = self.app(environ, start)
        opening: Opening | None = environ.pop(OPENING, None)
        if opening is None:
            return answer
        if close := getattr(answer, "close", None):
            close()
        detach(environ["gunicorn.socket"], head[0], opening)
        return responses.DETACHED


def can_detach(environ: WSGIEnvironment) -> bool:
    """Whether the socket of this request is a plain one that nothing else uses."""
    connection = environ.get("gunicorn.socket")
    return (
        connection is not None
        and not isinstance(connection, ssl.SSLSocket)
        and environ.get("HTTP_VERSION") != "2"
        and environ["SERVER_PROTOCOL"] in ("HTTP/1.0", "HTTP/1.1")
    )


def encode_head(status: str, headers: list[tuple[str, str]]) -> bytes:
    """The head of a stream, which ends with its connection; so nothing has to be chunked."""
    return responses.encode_head(status, [one for one in headers if one[0].lower() != "content-length"])


def detach(connection: Any, head: bytes, opening: Opening) -> None:
    """Send the beginning of a stream, and give the socket to the hub."""
    try:
        limit_buffers(connection)
        waiting = head
        for piece in opening.first():
            waiting += piece
            if len(waiting) > PIECE_BYTES:
                send(connection, waiting)
                waiting = b""
        send(connection, waiting)
    except OSError:
        opening.give_up()
        return
    except BaseException:
        opening.give_up()
        raise
    opening.hand_over(connection.detach())
