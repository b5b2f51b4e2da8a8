"""A service that answers as a test wrote down: what clients do with refusals, lost answers and broken streams."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """One answer. Without a status the connection is closed instead; one that hangs comes when the test is over."""

    status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False


@dataclass
class Asked:
    """One request as it was received: the target is not decoded."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Script:
    """The answers to requests below one path, in order; the last one is repeated."""

    def __init__(self, replies: list[Reply]) -> None:
        self.replies = replies
        self.asked: list[Asked] = []

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        return self.replies[min(len(self.asked), len(self.replies)) - 1]


class Scripted:
    """Several scripts on one port, told apart by the first segment of the path."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._port = server.server_address[1]
        self.scripts: dict[str, Script] = {}
        self.over = threading.Event()

    def add(self, *replies: Reply) -> tuple[str, Script]:
        """The URL of a service that answers so, and what it was asked."""
        name = f"s{len(self.scripts)}"
        self.scripts[name] = Script([*replies])
        return f"http://127.0.0.1:{self._port}/{name}", self.scripts[name]


@contextmanager
def scripted() -> Iterator[Scripted]:
    """Served on a free port, until the end of the context."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536  # head and body in one piece: in two, each answer takes 40 ms

        def do_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            _, name, rest = self.path.split("/", 2)
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = service.scripts[name].answer(Asked(self.command, "/" + rest, headers, body))
            if reply.hangs:
                service.over.wait()
            self.close_connection = not reply.status or reply.headers.get("Connection") == "close"
            if reply.status:
                self.send_response_only(reply.status)
                if not self.close_connection:
                    self.send_header("Content-Length", str(len(reply.body)))
                for field_name, value in reply.headers.items():
                    self.send_header(field_name, value)
                self.end_headers()
                self.wfile.write(reply.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_any  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None: ...

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None: ...  # a client that is gone

    server = Server(("127.0.0.1", 0), Handler)
    service = Scripted(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        service.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
