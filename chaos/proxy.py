"""A proxy in front of PostgreSQL that can stop forwarding one class of connections, without closing them."""

from __future__ import annotations

import socket
import tempfile
from contextlib import suppress
from urllib.parse import quote

import gevent
from gevent.event import Event
from gevent.server import StreamServer

from chaos.database import Database
from launch.cluster import SUPERUSER
from launch.postmaster import PORT


class Proxy:
    """Listens on a socket of its own; a connection's class is the application name in its startup message."""

    def __init__(self, database: Database) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="onward-proxy-")
        self._server_socket = str(database.server.cluster.socket_dir / f".s.PGSQL.{PORT}")
        self.url = f"postgresql://{SUPERUSER}@/{database.name}?host={quote(self._folder.name)}&port={PORT}"
        self._open: dict[str, list[Event]] = {}
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(f"{self._folder.name}/.s.PGSQL.{PORT}")
        listener.listen(64)
        self._server = StreamServer(listener, self._carry)
        self._server.start()

    def freeze(self, name: str) -> int:
        """Stop forwarding for the connections open under this name, without closing them; returns how many there
        were."""
        frozen = [one for one in self._open.get(name, []) if one.is_set()]
        for one in frozen:
            one.clear()
        return len(frozen)

    def opened(self, name: str) -> int:
        """How many connections were ever opened under this name."""
        return len(self._open.get(name, []))

    def close(self) -> None:
        self._server.stop(timeout=0)
        self._folder.cleanup()

    def _carry(self, client: socket.socket, _address: object) -> None:
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with client, server, suppress(OSError):
            server.connect(self._server_socket)
            first = client.recv(65536)
            flowing = Event()
            flowing.set()
            self._open.setdefault(_name(first), []).append(flowing)
            server.sendall(first)
            back = gevent.spawn(_pump, server, client, flowing)
            _pump(client, server, flowing)
            back.join(timeout=1)


def _name(startup: bytes) -> str:
    """The application name in a startup message: names and values, each ended by a zero byte."""
    words = startup[8:].decode(errors="replace").split("\0")
    return words[words.index("application_name") + 1] if "application_name" in words else ""


def _pump(source: socket.socket, sink: socket.socket, flowing: Event) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            flowing.wait()
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
