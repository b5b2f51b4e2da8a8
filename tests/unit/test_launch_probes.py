"""Addresses: taken ones are refused, unreachable databases are reported in time, readiness gives the reason."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from launch import probes
from launch.errors import LaunchError


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Somebody who listens and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def test_a_taken_port_is_refused_in_one_line(listener: socket.socket) -> None:
    with pytest.raises(LaunchError, match=f"127.0.0.1:{port_of(listener)}") as caught:
        probes.require_free_port("127.0.0.1", port_of(listener))

    assert "\n" not in str(caught.value)


def test_a_free_port_is_accepted_and_left_free(listener: socket.socket) -> None:
    port = port_of(listener)
    listener.close()

    probes.require_free_port("127.0.0.1", port)
    probes.require_free_port("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(LaunchError, match=r"203\.0\.113\.7"):
        probes.require_free_port("203.0.113.7", 8000)


def test_a_database_that_refuses_is_told_without_the_password(listener: socket.socket) -> None:
    dsn = f"postgresql://alice:wonderland@127.0.0.1:{port_of(listener)}/orders"
    listener.close()
    with pytest.raises(LaunchError, match="cannot be reached") as caught:
        probes.require_database(dsn)

    assert "\n" not in str(caught.value)
    assert "wonderland" not in str(caught.value)


def test_a_database_that_never_answers_is_given_up(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "DATABASE_SECONDS", 0.1)

    with pytest.raises(LaunchError, match="did not answer in time"):
        probes.require_database(f"postgresql://127.0.0.1:{port_of(listener)}/orders")


@pytest.mark.parametrize(("status", "told"), [(200, "200"), (503, "503 the database is away")])
def test_readiness_is_the_status_and_the_reason_against_it(status: int, told: str) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()
            self.wfile.write(b"the database is away")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        assert told == probes.readiness(f"http://127.0.0.1:{server.server_port}")
        answering.join()


def test_a_service_that_does_not_listen_is_not_ready(listener: socket.socket) -> None:
    port = port_of(listener)
    listener.close()

    assert "refused" in probes.readiness(f"http://127.0.0.1:{port}")
