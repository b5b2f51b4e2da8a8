"""Trace one change, one batch and one durable attempt, and print through which of our files each of them walks.

    python -m benchmarks.walk [--calls]

What is counted are calls of this project's functions, in one process, when everything has been done before and is warm.
A stay is a run of calls in one file; a return is a stay in a file that was left already.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from gevent import socket
from gunicorn.config import Config

if TYPE_CHECKING:
    from process import Onward

PROJECT = Path(__file__).resolve().parents[1]
NOT_WALKED = ("benchmarks", "tests", ".venv")
ORDER = """INSERT INTO orders
    (number, status, seller_id, buyer_id, buyer_name, buyer_email, items, total_minor, currency)
    VALUES (gen_random_uuid(), 'PENDING', 1, 1, 'Alice', 'alice@example.org', '[]', 0, 'EUR') RETURNING id"""
CONFIRM = b'{"status":"CONFIRMED"}'


@dataclass(frozen=True)
class Walk:
    """The calls of one walk: a file and a function each, in order."""

    name: str
    calls: tuple[tuple[str, str], ...]

    @property
    def files(self) -> set[str]:
        return {file for file, _ in self.calls}

    @property
    def stays(self) -> list[str]:
        """The files, one for each run of calls in it."""
        return [file for file, _ in groupby(self.calls, key=lambda call: call[0])]

    @property
    def returns(self) -> int:
        """Stays in a file that was left already."""
        return len(self.stays) - len(self.files)

    def __str__(self) -> str:
        visits = ", ".join(f"{file} {count}" for file, count in Counter(self.stays).most_common())
        counts = f"{len(self.calls)} calls, {len(self.files)} files, {len(self.stays)} stays, {self.returns} returns"
        return f"{self.name}: {counts}\n    {visits}"


def trace(name: str, act: Callable[[], object]) -> Walk:
    """The walk of what is done here and in greenlets that start meanwhile."""
    calls: list[tuple[str, str]] = []
    root = f"{PROJECT}/"

    def called(frame: FrameType, event: str, _arg: Any) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(root):
            file = code.co_filename.removeprefix(root)
            if not file.startswith(NOT_WALKED):
                calls.append((file, code.co_qualname))

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        act()
    finally:
        sys.setprofile(before)
    return Walk(name, tuple(calls))


class Walker:
    """Walks through one application, whose background tasks do nothing by themselves."""

    def __init__(self, app: Any, sql: Callable[[str], Any]) -> None:
        """`sql` runs a statement on the application's database."""
        from process import onward_of

        self._app = app
        self._onward: Onward = onward_of(app)
        self._sql = sql
        credentials = self._onward.access.credentials
        self._token = credentials.tokens.issue("seller", 1)
        with app.app_context():
            credentials.verify(self._token)

    def all(self) -> Iterator[Walk]:
        """Every walk; each is run twice and recorded the second time, when it is warm."""
        for walk in (self.plain, self.view, self.refused, self.batch, self.durable_attempt):
            walk()
            yield walk()

    def plain(self) -> Walk:
        """A PATCH whose bytes are read before gunicorn reads them."""
        return self._plain("PATCH, plain bytes", CONFIRM, b"200 OK")

    def refused(self) -> Walk:
        """A PATCH that is refused with 409."""
        return self._plain("PATCH, refused", b'{"status":"DELIVERED"}', b"409 ")

    def view(self) -> Walk:
        """A PATCH that is not plain: Flask's view, once gunicorn has read it."""
        return self._wsgi("PATCH, Flask view")

    def batch(self) -> Walk:
        """One batch that does the effects of one change."""
        self._drain()
        self._wsgi("")
        return trace("batch of effects", self._onward.engine.writer.flush)

    def durable_attempt(self) -> Walk:
        """One look of the durable worker, with one attempt: a chat message at its second attempt."""
        self._drain()
        with self._broken_chat():
            self._wsgi("")
            self._drain()
        self._sql("UPDATE side_effects SET scheduled_at = clock_timestamp() WHERE status = 'pending'")
        worker = self._onward.engine.worker

        def look() -> None:
            worker.look()
            worker.wait_until_quiet()

        return trace("durable attempt", look)

    def _place(self) -> int:
        ((order_id,),) = self._sql(ORDER)
        return int(order_id)

    def _drain(self) -> None:
        engine = self._onward.engine
        engine.wait_until_quiet()
        while not engine.writer.quiet:
            engine.writer.flush()

    @contextmanager
    def _broken_chat(self) -> Iterator[None]:
        self._sql("ALTER TABLE messages ADD CONSTRAINT poison CHECK (kind <> 'system') NOT VALID")
        try:
            yield
        finally:
            self._sql("ALTER TABLE messages DROP CONSTRAINT poison")

    def _plain(self, name: str, body: bytes, wanted: bytes) -> Walk:
        from server.worker import StreamWorker

        worker = StreamWorker(0, os.getpid(), [], None, 10, Config(), None)
        worker.open_stream, worker.accept = self._onward.realtime.fast_path.take, self._onward.orders.fast_path.accept
        ours, client = socket.socketpair()
        head = (
            f"PATCH /api/orders/{self._place()}/status HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer "
            f"{self._token}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        worker.alive = False  # the waits before a request and after it are no part of it

        def serve() -> None:
            with suppress(StopIteration):
                worker._serve_plain(ours, head.encode() + body)

        with ours, client, closing(worker.tmp):
            walk = trace(name, serve)
            answer = client.recv(65536)
        assert answer.startswith(b"HTTP/1.1 " + wanted), answer
        return walk

    def _wsgi(self, name: str) -> Walk:
        from werkzeug.test import EnvironBuilder

        told = []
        builder = EnvironBuilder(f"/api/orders/{self._place()}/status", method="PATCH", data=CONFIRM)
        builder.headers["Authorization"] = f"Bearer {self._token}"
        builder.headers["Content-Type"] = "application/json"
        environ = builder.get_environ()
        walk = trace(name, lambda: list(self._app.wsgi_app(environ, lambda status, _headers: told.append(status))))
        assert told == ["200 OK"], told
        return walk


def main(arguments: Sequence[str]) -> int:
    """Print the walks; with `--calls`, each call too."""
    from app import build_app
    from benchmarks.database import Server
    from foundation.connections import install_wait_callback
    from foundation.settings import Settings
    from process import onward_of

    with Server() as server:
        database = server.create("walk", 1)
        install_wait_callback()
        app = build_app(Settings.from_env(database.environment()))
        for walk in Walker(app, database.run).all():
            print(walk)
            if "--calls" in arguments:
                print(*(f"        {file}  {function}" for file, function in walk.calls), sep="\n")
        onward_of(app).stop()
    return 0


if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()
    sys.exit(main(sys.argv[1:]))
