"""A PgBouncer of a test's own, in front of the tests' PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2.extensions
import pytest

from tests.facts import eventually

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
needs_pgbouncer = pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed.")

CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 200
"""


@contextmanager
def pgbouncer(database_url: str, mode: str, size: int = 40) -> Iterator[str]:
    """The URL of the database behind a PgBouncer with nothing in its configuration but what it needs."""
    place = psycopg2.extensions.parse_dsn(database_url)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = probe.getsockname()[1]
    # It refuses to run as root, and the socket of the tests' PostgreSQL is its owner's.
    owner = os.stat(place["host"]).st_uid if place["host"].startswith("/") else os.geteuid()
    with tempfile.TemporaryDirectory(prefix="onward-pgbouncer-") as folder:
        Path(folder).chmod(0o755)
        file = Path(folder) / "pgbouncer.ini"
        file.write_text(
            CONFIGURATION.format(
                host=place["host"],
                port=place.get("port", 5432),
                user=place["user"],
                listen=listen,
                mode=mode,
                size=size,
            )
        )
        user = owner if os.geteuid() == 0 else None
        process = subprocess.Popen([str(PROGRAM), file], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, user=user)
        try:
            eventually(lambda: _listens(listen) or process.poll() is not None)
            assert process.poll() is None
            yield f"postgresql://{place['user']}@127.0.0.1:{listen}/{urlsplit(database_url).path.lstrip('/')}"
        finally:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
