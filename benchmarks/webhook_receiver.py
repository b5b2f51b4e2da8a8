"""A receiver that answers every request with 200: `python -m benchmarks.webhook_receiver PORT COUNT`.

It listens on so many addresses of the loopback interface: endpoints of different shops share no connections.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import re  # noqa: E402
import sys  # noqa: E402
from contextlib import suppress  # noqa: E402
from socket import socket  # noqa: E402

from gevent.server import StreamServer  # noqa: E402

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
ACCEPTED = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def serve(client: socket, _: object) -> None:
    """Read request after request, and accept each."""
    received = b""
    with suppress(OSError), client:
        while piece := client.recv(65536):
            received += piece
            while (end := received.find(b"\r\n\r\n")) >= 0:
                length = LENGTH.search(received, 0, end + 2)
                whole = end + 4 + (int(length[1]) if length else 0)
                if len(received) < whole:
                    break
                received = received[whole:]
                client.sendall(ACCEPTED)


if __name__ == "__main__":
    port, count = map(int, sys.argv[1:3])
    first, *others = [StreamServer((f"127.0.0.{number}", port), serve, backlog=512) for number in range(1, count + 1)]
    for server in others:
        server.start()
    first.serve_forever()
