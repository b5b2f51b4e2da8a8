"""Writing to a client: everything, for as long as the client keeps reading.

A slow reader is waited for; a client that reads nothing for 10 s is dropped, whatever it requested. Without that, 100
clients that read nothing kept a worker from exiting, and 4,000 locked everybody out.
"""

from __future__ import annotations

import errno
import fcntl
import socket
import ssl
import struct
import sys
import termios
from typing import Any

import gevent
import prometheus_client
from gunicorn import util

from foundation import clock
from foundation.logs import get_logger

STALLED = prometheus_client.Counter("onward_clients_stalled", "Clients that took nothing of an answer and were reset.")
log = get_logger(__name__)

STALL_SECONDS = 10.0
"""A client that reads nothing for this long is dropped."""

HURRIED_SECONDS = 1.0
"""The same while the process stops, or while unread responses fill the memory. Also how often to check."""

HELD_BYTES = 32 * 2**20
"""Unread responses per process; beyond this, no client that reads nothing is waited for."""

UNSENT_BYTES = 64 * 1024
"""What the kernel accepts ahead of what it can send. Otherwise that grows to 4 MB for each client that does not read; a
client that reads is not slowed down, since data in flight does not count."""

UNHEARD_MS = 30_000
"""A peer that acknowledges nothing for this long, or reads nothing of a finished response, is unreachable; otherwise
the kernel tries for 15 minutes."""

LINGER_SECONDS = 1.0
"""How long a client that got its response before it had sent everything may take to read it."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Stalled(ConnectionResetError):
    """The client read nothing for too long; its connection is reset when it is closed."""


class Writers:
    """The writers of this process that wait for a client to read."""

    def __init__(self) -> None:
        self.held = 0
        """Bytes of the responses they are writing."""

        self.ending = False
        """Whether the process is stopping: a client that reads nothing is then not waited for."""

    @property
    def patience(self) -> float:
        """How long a client may read nothing."""
        return HURRIED_SECONDS if self.ending or self.held > HELD_BYTES else STALL_SECONDS


writers = Writers()


def limit(listener: socket.socket) -> None:
    """Limit what the kernel buffers for clients, and how long; connections inherit it from the listening socket."""
    if listener.family in (socket.AF_INET, socket.AF_INET6) and sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNHEARD_MS)


def send(connection: Any, piece: bytes) -> None:
    """Write everything; raises Stalled. gevent's `sendall` waits for ever, and queries the buffer size first."""
    try:
        # gevent's: the last argument means not to wait. With TLS it would, for ever.
        sent = 0 if isinstance(connection, ssl.SSLSocket) else connection.send(piece, 0, 0.0)
    except BlockingIOError:
        sent = 0
    if sent < len(piece):
        _send_rest(connection, memoryview(piece)[sent:])


def wait_for_reading(connection: Any) -> None:
    """Let this client leave unread what it has been sent, as long as it sends: that shows it is there. The kernel's
    limit of 30 s holds for a client that acknowledges all and whose window is closed, too."""
    if connection.family in (socket.AF_INET, socket.AF_INET6) and sys.platform == "linux":
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 0)


def reset_on_close(connection: Any) -> None:
    """Have the kernel discard what it buffers for this client as soon as the connection is closed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


def linger(connection: Any) -> None:
    """Close, and let the client read the response although it keeps sending (RFC 9112, section 9.6).

    At most 64 KB of that are read. Closing at once would reset the connection, and lose the response.
    """
    util.close_graceful(connection, LINGER_SECONDS)


def install() -> None:
    """Make gunicorn write this way in this process."""
    util.write = write
    util.write_chunk = write_chunk


def write(connection: Any, data: bytes, chunked: bool = False) -> None:
    """Stands in for `gunicorn.util.write`."""
    if chunked:
        write_chunk(connection, data)
    else:
        send(connection, data)


def write_chunk(connection: Any, data: bytes) -> None:
    """Stands in for `gunicorn.util.write_chunk`; an empty one ends the body."""
    send(connection, b"%X\r\n%b\r\n" % (len(data), data))


def _send_rest(connection: Any, rest: memoryview) -> None:
    moved_at, queued = clock.monotonic(), unacknowledged(connection)
    held = len(rest)
    writers.held += held
    try:
        while rest:
            sent = 0
            with gevent.Timeout(HURRIED_SECONDS, False):  # type: ignore[arg-type]  # the stubs know no silent one
                sent = connection.send(rest)
            rest = rest[sent:]
            before, queued = queued, unacknowledged(connection)
            if sent or queued < before:
                moved_at = clock.monotonic()
            elif clock.monotonic() - moved_at >= writers.patience:
                _give_up(connection, len(rest))
    finally:
        writers.held -= held


def _give_up(connection: Any, left: int) -> None:
    reset_on_close(connection)
    STALLED.inc()
    log.info("client.stalled", "Connection reset; the client stopped reading", bytes_left=left)
    raise Stalled(errno.ECONNRESET, "The client did not read for too long.")


def unacknowledged(connection: Any) -> int:
    """Bytes that the kernel holds and the client has not acknowledged; fewer of them are progress, however slow."""
    count: int = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0]
    return count
