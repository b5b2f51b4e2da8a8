"""A receiver of webhooks on loopback: answers as it is told, remembers what came, and verifies it with the library."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

from standardwebhooks import Webhook


class Received:
    """One request that came."""

    def __init__(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.path = path
        self.headers = headers
        self.body = body
        self.json: Any = json.loads(body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified_by(self, secret: str) -> Any:
        """Its content; raises if it is not signed with this secret, now."""
        return Webhook(secret).verify(self.body, self.headers)


class Receiver:
    """Answers with these in turn, then with 200."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/hook"
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.got: list[Received] = []
        self.most_at_once = 0
        self.free = Event()
        """While it is cleared, nothing is answered."""

        self.free.set()
        self.lock = Lock()
        self.at_once = 0

    def will(self, *statuses: int, body: bytes = b"", **headers: str) -> None:
        """Answer the next requests like this."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers += [(status, named, body) for status in statuses]

    @property
    def ids(self) -> list[str]:
        return [one.id for one in self.got]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver, for as long as it is needed."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with receiver.lock:
                receiver.got.append(Received(self.path, headers, body))
                receiver.at_once += 1
                receiver.most_at_once = max(receiver.most_at_once, receiver.at_once)
                status, more, text = receiver.answers.pop(0) if receiver.answers else (200, {}, b"")
            receiver.free.wait(10)
            with receiver.lock:
                receiver.at_once -= 1
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(text))} | more).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Writes no access log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(server.server_port)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield receiver
        receiver.free.set()
        server.shutdown()
