"""Errors raised before Flask sees the request, as problem documents instead of gunicorn's own page."""

from __future__ import annotations

import socket
from contextlib import suppress

import gevent
import orjson
from gunicorn import util
from werkzeug.http import HTTP_STATUS_CODES

from foundation import logs, problems
from foundation.errors import AppError
from server import writing
from server.responses import PlainResponse

MOST_LEAVING = 64
"""How many refused clients get time to read the error; further ones are closed at once."""

_leaving: set[gevent.Greenlet[..., None]] = set()


def write_refusal(client: socket.socket, status: int, _reason: str, _message: str) -> None:
    """Stands in for `gunicorn.util.write_error`. Its message repeats the input; it is logged and not sent."""
    refuse(client, problems.of_status(status))


def refuse(client: socket.socket, error: AppError) -> None:
    """Respond with the error, and close the connection."""
    _respond(client, error)
    writing.linger(client)


def turn_away(client: socket.socket, error: AppError) -> None:
    """Refuse a whole connection, whatever its request, without displacing another."""
    own = socket.socket(fileno=client.detach())  # the server closes the other one as soon as we return
    with suppress(OSError):
        _respond(own, error)
    if len(_leaving) >= MOST_LEAVING:
        util.close(own)
        return
    leaving = gevent.spawn(writing.linger, own)
    _leaving.add(leaving)
    leaving.link(_leaving.discard)


def answer(error: AppError) -> PlainResponse:
    """The error as Flask would have answered with it, for a request that Flask has not seen."""
    body = orjson.dumps(problems.body_of(error))
    fields = [
        ("Content-Type", problems.CONTENT_TYPE),
        ("Content-Length", str(len(body))),
        *error.headers.items(),
        ("X-Request-ID", logs.request_id.get()),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return PlainResponse(f"{error.status} {HTTP_STATUS_CODES[error.status].upper()}", fields, body)


def _respond(client: socket.socket, error: AppError) -> None:
    request_id = logs.new_request_id(None)
    body = orjson.dumps(problems.members(type(error), error.detail, error.members, request_id))
    more = "".join(f"{name}: {value}\r\n" for name, value in error.headers.items())
    head = (
        f"HTTP/1.1 {error.status} {HTTP_STATUS_CODES[error.status]}\r\nConnection: close\r\n"
        f"Content-Type: {problems.CONTENT_TYPE}\r\nX-Request-ID: {request_id}\r\n{more}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    # One attempt: a client that does not read must not hold the greenlet.
    client.setblocking(False)
    client.sendall(head.encode() + body)
