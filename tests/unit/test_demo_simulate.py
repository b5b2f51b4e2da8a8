"""The demo's traffic: its requests are accepted, and it stops if the service does not work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from access.tokens import Tokens
from demo.simulate import REFUSALS, SimulationRefused, Simulator
from foundation.settings import Settings

FAST = 10**9
SETTINGS = Settings.from_env({"DATABASE_URL": "postgresql://x/y", "JWT_SECRET": "s" * 32})


class Wall(BaseHTTPRequestHandler):
    """Refuses everything, with a problem."""

    def do_GET(self) -> None:
        body = b'{"detail": "Send Content-Type: application/json."}'
        self.send_response(415)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def wall() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Wall) as server:
        answering = threading.Thread(target=server.serve_forever, args=(0.01,))
        answering.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        answering.join()


def said_by(url: str) -> list[str]:
    said: list[str] = []
    with pytest.raises(SimulationRefused, match=f"{REFUSALS} times in a row"):
        Simulator(url, Tokens.of(SETTINGS), FAST, said.append).run(60)
    return said


def test_after_three_refusals_it_ends_and_says_why(wall: str) -> None:
    assert [f"{wall} refused: 415 Send Content-Type: application/json."] * REFUSALS == said_by(wall)


def test_it_says_that_nobody_answers(wall: str) -> None:
    assert [True] * REFUSALS == ["does not answer" in line for line in said_by("http://127.0.0.1:1")]
