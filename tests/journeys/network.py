"""What lies between browsers and a service: it can be cut, fall silent, and hold streams, as proxies do."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from typing import Literal, Self

STREAM = re.compile(rb"GET (/\S*stream\S*) HTTP/1.1\r\n")
Streams = Literal["pass", "hold", "buffer", "refuse"]
"""What becomes of a stream: passed on; its head passed and its body held; nothing passed; or answered by a 502."""


class Network:
    """A proxy on a port of its own, spoken to instead of the service."""

    def __init__(self, port: int) -> None:
        self._service = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._open: set[socket.socket] = set()
        self._silent: set[socket.socket] = set()
        self._up = True
        self.streams: Streams = "pass"
        self.asked: list[str] = []
        """The paths of all streams that were asked for."""

    def cut(self) -> None:
        """Close every connection, and let no other come through."""
        self._up = False
        self._close_all()

    def heal(self) -> None:
        self._up, self.streams = True, "pass"

    def fall_silent(self) -> None:
        """Pass nothing more over the connections that are open, which stay open; new ones work."""
        self._silent |= self._open

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._close_all()

    def _close_all(self) -> None:
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._service) as service:
            self._open |= {client, service}
            try:
                if not self._up:
                    return
                back = threading.Thread(target=self._answers, args=(service, client), daemon=True)
                back.start()
                self._requests(client, service)
                back.join()
            finally:
                self._open -= {client, service}

    def _requests(self, client: socket.socket, service: socket.socket) -> None:
        with suppress(OSError):
            while piece := client.recv(65536):
                found = STREAM.match(piece)
                if found:
                    self.asked.append(found[1].decode())
                if found and self.streams == "refuse":
                    client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                elif client not in self._silent:
                    service.sendall(piece)
        with suppress(OSError):
            service.shutdown(socket.SHUT_WR)

    def _answers(self, service: socket.socket, client: socket.socket) -> None:
        held = False
        with suppress(OSError):
            while piece := service.recv(65536):
                if b"text/event-stream" in piece and self.streams in ("hold", "buffer"):
                    head, end, _ = piece.partition(b"\r\n\r\n")
                    piece, held = (head + end if self.streams == "hold" else b""), True
                    client.sendall(piece)
                elif not held and service not in self._silent:
                    client.sendall(piece)
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)
