"""The last response on a connection: sent in one attempt, and then the client is left to read it."""

from __future__ import annotations

import socket
from contextlib import suppress

import gevent
from gunicorn import util

from server import writing

MOST_LEAVING = 64
"""How many refused clients get time to read the response; further ones are closed at once."""

_leaving: set[gevent.Greenlet[..., None]] = set()


def refuse(client: socket.socket, response: bytes) -> None:
    """Respond and close, without another request."""
    _respond(client, response)
    writing.linger(client)


def turn_away(client: socket.socket, response: bytes) -> None:
    """Refuse a whole connection, whatever its request, without displacing another."""
    own = socket.socket(fileno=client.detach())  # the server closes the other one as soon as we return
    with suppress(OSError):
        _respond(own, response)
    if len(_leaving) >= MOST_LEAVING:
        util.close(own)
        return
    leaving = gevent.spawn(writing.linger, own)
    _leaving.add(leaving)
    leaving.link(_leaving.discard)


def _respond(client: socket.socket, response: bytes) -> None:
    # One attempt: a client that does not read must not hold the greenlet.
    client.setblocking(False)
    client.sendall(response)
