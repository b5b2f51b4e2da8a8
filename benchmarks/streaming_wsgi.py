"""The application as `wsgi.py` builds it, with a unix socket on which a benchmark publishes events, bypassing the
database.

A line is CHANNEL<tab>DATA; the channel is a number from 0, and the first seller is on 0. Lines that arrive together are
published as one batch, as the feed does with what it has read from the log.
"""

from wsgi import app  # noqa: I001  It patches, so it comes first.

import os
import socket

import gevent
from gevent.server import StreamServer

from process import onward_of

__all__ = ["app"]

BATCH_BYTES = 65_536
TOGETHER = os.environ.get("BENCHMARK_TOGETHER", "1") == "1"
"""0 publishes each event by itself, so that none share a write."""

feed = onward_of(app).realtime.feed


def take(connection: socket.socket, _address: object) -> None:
    """Publish what arrives, instead of the log."""
    while feed.position < 0:
        gevent.sleep(0.01)
    feed.stop()
    rest = b""
    while piece := connection.recv(BATCH_BYTES):
        *lines, rest = (rest + piece).split(b"\n")
        rows = []
        for seq, line in enumerate(lines, feed.position + 1):
            channel, _, data = line.decode().partition("\t")
            rows.append((seq, f"seller:{int(channel) + 1}", None, "order.status_changed", data))
        for batch in [rows] if TOGETHER else [[row] for row in rows]:
            feed.publish(batch)


def listen() -> None:
    path = os.environ["BENCHMARK_BUS"]
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen()
    StreamServer(listener, take).start()


gevent.spawn(listen)
