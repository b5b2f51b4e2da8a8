"""What the server refuses before the application sees it is told as a problem too, and not as gunicorn's own page."""

from __future__ import annotations

import socket

import orjson
from werkzeug.http import HTTP_STATUS_CODES

from foundation import logs, problems


def write(client: socket.socket, status: int, _reason: str, _message: str) -> None:
    """Stands in for `gunicorn.util.write_error`. Its message repeats what was sent; the log has it, the answer not."""
    error = problems.of_status(status)
    request_id = logs.new_request_id(None)
    body = orjson.dumps(problems.members(type(error), error.detail, error.members, request_id))
    head = (
        f"HTTP/1.1 {error.status} {HTTP_STATUS_CODES[error.status]}\r\nConnection: close\r\n"
        f"Content-Type: {problems.CONTENT_TYPE}\r\nX-Request-ID: {request_id}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    # One try: somebody who does not read must not hold the greenlet.
    client.setblocking(False)
    client.sendall(head.encode() + body)
