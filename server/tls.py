"""TLS in the worker: the handshake is made when the connection has been admitted, in limited time."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

import gevent

from foundation import logs

log = logs.get_logger(__name__)

HANDSHAKE_SECONDS = 5.0
"""As long as the head of a request may take. gevent's own handshake had no limit and was made before anybody counted
the connection: a client that connected and stayed silent held a place of the worker for ever."""


def context_for(_conf: Any, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """gunicorn's hook `ssl_context`: its own context, which leaves the handshake to `shake_hands`."""
    context = default()
    context.wrap_socket = partial(context.wrap_socket, do_handshake_on_connect=False)  # type: ignore[method-assign]
    return context


def shake_hands(client: ssl.SSLSocket) -> bool:
    """Whether the client has made its handshake in time and correctly."""
    client.setblocking(True)
    try:
        with gevent.Timeout(HANDSHAKE_SECONDS, TimeoutError("too late")):
            client.do_handshake()
    except (OSError, ValueError) as error:  # ValueError: the client has left already
        log.info("connection.no_handshake", "A connection did not begin with a TLS handshake", error=repr(error))
        return False
    return True
