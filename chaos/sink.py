"""A server that does the minimum with what a hostile client sends: `python -m chaos.sink`; prints its port.

It shows what such a client costs the machine that it shares, whatever it attacks.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import re  # noqa: E402
import socket  # noqa: E402
from contextlib import suppress  # noqa: E402
from typing import Any  # noqa: E402

from gevent.server import StreamServer  # noqa: E402
from gunicorn import util  # noqa: E402

MOST_READ = 2**20
SECONDS = 10.0
PIECE = 65536
REFUSED = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def serve(client: Any, _: Any) -> None:
    """Read what is announced if it is not too long, send something, and close."""
    client.settimeout(SECONDS)
    with suppress(OSError):
        said = client.recv(PIECE)
        if said.startswith(b"GET"):
            client.sendall(REFUSED + bytes(MOST_READ))  # which is not read
        length = re.search(rb"Content-Length: (\d+)", said)
        left = int(length[1]) - len(said) if length and int(length[1]) <= MOST_READ else 0
        while left > 0 and (piece := client.recv(PIECE)):
            left -= len(piece)
        client.sendall(REFUSED)
        util.close_graceful(client, 1.0)
    client.close()


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(listener.getsockname()[1], flush=True)
    StreamServer(listener, serve).serve_forever()
