"""Probes of addresses: is ours free, does the database respond, is the service ready."""

import http.client
import socket
import threading
from contextlib import closing
from urllib.parse import urlsplit

import psycopg2

from launch.errors import LaunchError

DATABASE_SECONDS = 4.5
"""An unreachable database is reported within 5 s, however long name resolution and several addresses take."""
ANSWER_SECONDS = 2
LONGEST_REASON = 200
"""Bytes of a response that are worth reporting."""


def require_free_port(host: str, port: int) -> None:
    """Refuse an address that another program listens on, or that does not exist here."""
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

    # In a thread, since connect_timeout applies to each address and not at all to name resolution.
    attempt = threading.Thread(target=connect, daemon=True)
    attempt.start()
    attempt.join(DATABASE_SECONDS)
    if problems:
        raise LaunchError(f"The database of DATABASE_URL cannot be reached: {problems[0]}")


def readiness(address: str) -> str:
    """Return the result of GET /readyz: "200" if the service is ready, otherwise what was returned instead."""
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=ANSWER_SECONDS)
    try:
        with closing(connection):
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            reason = response.read(LONGEST_REASON).decode(errors="replace")
            return str(response.status) if response.status == 200 else f"{response.status} {reason}"
    except (OSError, http.client.HTTPException) as problem:
        return str(problem) or type(problem).__name__
