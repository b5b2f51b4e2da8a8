"""One hostile client, with an address and a process of its own: `python -m chaos.mallory PORT TOKEN SECONDS ATTACK...`.

It reports when it is ready, starts at a line of input, runs each attack for this long, and prints the responses.
"""

from __future__ import annotations

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from contextlib import ExitStack, contextmanager, suppress  # noqa: E402

import gevent  # noqa: E402

from foundation import clock  # noqa: E402

ADDRESS = "127.0.0.66"
PATIENCE_SECONDS = 40.0
DRAINS, SILENT, OPENINGS = 4, 250, 500
BOMBS = 30
PAUSE_SECONDS = 0.05
PIECE = b"x" * 65536
UNKNOWN = b"{" + b",".join(b'"%04d":0' % number for number in range(200)) + b"}"
BATCH = b'{"changes":[' + b",".join([UNKNOWN] * 500) + b"]}"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"


class Mallory:
    """Her requests, and the responses."""

    def __init__(self, port: int, token: str, seconds: float) -> None:
        self._port = port
        self._token = token.encode()
        self._ends = clock.monotonic() + seconds
        self.answers: Counter[str] = Counter()
        """By attack and status; 0 for a connection that ended without one."""

        self.poured = 0
        """The most bytes of one body that were sent."""

    def drain(self) -> None:
        """Endless bodies, as fast as they are read."""
        self._together(DRAINS, self._pour)

    def bomb(self) -> None:
        """Batches whose members are all unknown, finished at the same moment, with a valid token."""
        self._together(BOMBS, self._throw)

    def silent(self) -> None:
        """Long responses that are not read; each connection stays as long as the server allows."""
        self._together(SILENT, self._ask_and_say_nothing)

    def chunks(self) -> None:
        """Bodies cut into chunks of one byte."""
        self._together(DRAINS, self._drip_chunks)

    def openings(self) -> None:
        """As many connections as possible, and new ones for those that end."""
        self._together(OPENINGS, self._open)

    def _together(self, count: int, attack: Callable[[], None]) -> None:
        gevent.joinall([gevent.spawn(self._again, attack) for _ in range(count)], raise_error=True)

    def _again(self, attack: Callable[[], None]) -> None:
        while clock.monotonic() < self._ends:
            with suppress(OSError):
                attack()
            gevent.sleep(PAUSE_SECONDS)

    @contextmanager
    def _dialled(self, window: int = 0) -> Iterator[socket.socket]:
        with ExitStack() as held:
            client = held.enter_context(socket.socket())
            if window:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
            client.settimeout(PATIENCE_SECONDS)
            client.bind((ADDRESS, 0))
            client.connect(("127.0.0.1", self._port))
            yield client

    def _pour(self) -> None:
        with self._dialled() as client:
            client.sendall(head(b"POST /nowhere", b"Content-Length: 99999999999\r\n"))
            sent = 0
            with suppress(OSError):
                while clock.monotonic() < self._ends:
                    sent += client.send(PIECE)
                    self.poured = max(sent, self.poured)
            self._hear("drain", client)

    def _throw(self) -> None:
        fields = (b"Content-Type: application/json\r\n", b"Authorization: Bearer %b\r\n" % self._token)
        length = b"Content-Length: %d\r\n" % len(BATCH)
        with self._dialled() as client:
            client.sendall(head(b"POST /api/orders/status-changes", length, *fields) + BATCH[:-1])
            gevent.sleep(1.0 - clock.monotonic() % 1.0)  # all at the same moment
            client.sendall(BATCH[-1:])
            self._hear("bomb", client)
        gevent.sleep(3)

    def _ask_and_say_nothing(self) -> None:
        with self._dialled(window=4096) as client:
            with suppress(OSError):
                client.sendall(head(b"GET /openapi.json") * 60)
            begun = clock.monotonic()
            while clock.monotonic() < max(self._ends, begun + PATIENCE_SECONDS):
                if is_reset(client):
                    self.answers["silent let go"] += 1
                    return
                gevent.sleep(PAUSE_SECONDS * 4)
            self.answers["silent kept"] += 1

    def _drip_chunks(self) -> None:
        with self._dialled() as client:
            with suppress(OSError):
                client.sendall(head(b"POST /sign-in", b"Transfer-Encoding: chunked\r\n", FORM) + b"1\r\nx\r\n" * 60_000)
            self._hear("chunks", client)

    def _open(self) -> None:
        with self._dialled() as client:
            client.settimeout(max(0.1, self._ends - clock.monotonic()))
            self._hear("openings", client)
        gevent.sleep(1)

    def _hear(self, attack: str, client: socket.socket) -> None:
        said = b""
        with suppress(OSError):
            said = client.recv(65536)
        self.answers[f"{attack} {said[9:12].decode() or 0}"] += 1


def head(line: bytes, *fields: bytes) -> bytes:
    """The head of a request."""
    return b"%b HTTP/1.1\r\nHost: onward\r\n%b\r\n" % (line, b"".join(fields))


def is_reset(client: socket.socket) -> bool:
    """Whether the server has dropped this connection, without reading what it had sent before."""
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0 or is_closed(client)


def is_closed(client: socket.socket) -> bool:
    """Whether the kernel has no established connection any more (tcp_info's first byte; 1 is established)."""
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != 1


if __name__ == "__main__":
    print("ready", flush=True)
    input()
    mallory = Mallory(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
    gevent.joinall([gevent.spawn(getattr(mallory, attack)) for attack in sys.argv[4:]], raise_error=True)
    print(json.dumps({"answers": mallory.answers, "poured": mallory.poured}))
