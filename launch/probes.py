"""Questions about addresses: is ours free, does the database answer, is the service ready."""

import http.client
import socket
import threading
from contextlib import closing
from urllib.parse import urlsplit

import psycopg2

from launch.errors import LaunchError

DATABASE_SECONDS = 4.5
"""An unreachable database is told within 5 s, whatever the name service and several addresses cost."""
ANSWER_SECONDS = 2
LONGEST_REASON = 200
"""Bytes of an answer that are worth to be told."""


def require_free_port(host: str, port: int) -> None:
    """Refuse an address that another program listens on, or that is not ours to listen on."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as problem:
        raise LaunchError(
            f"Cannot listen on {host}:{port}: {problem.strerror}. Free it, or choose another one with HOST and PORT."
        ) from problem


def require_database(dsn: str) -> None:
    """Refuse a database that cannot be connected to."""
    problems: list[str] = ["it did not answer in time"]

    def connect() -> None:
        try:
            psycopg2.connect(dsn, connect_timeout=4).close()
            problems.clear()
        except psycopg2.Error as problem:
            problems[:] = [str(problem)]

    # In a thread, since connect_timeout holds for each address apart and not at all for the look-up of the name.
    attempt = threading.Thread(target=connect, daemon=True)
    attempt.start()
    attempt.join(DATABASE_SECONDS)
    if problems:
        raise LaunchError(f"The database of DATABASE_URL cannot be reached: {problems[0]}")


def readiness(address: str) -> str:
    """Return how GET /readyz went: "200" when the service is ready, else what came instead."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=ANSWER_SECONDS)
    try:
        with closing(connection):
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            said = response.read(LONGEST_REASON).decode(errors="replace")
            return str(response.status) if response.status == 200 else f"{response.status} {said}"
    except (OSError, http.client.HTTPException) as problem:
        return str(problem) or type(problem).__name__
