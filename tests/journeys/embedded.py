"""What the journeys of the embedded PostgreSQL share: folders that its account can reach, and probes of the server."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2

from launch.postmaster import Postmaster, find_postmaster


@contextmanager
def new_folder() -> Iterator[Path]:
    """A temporary folder that PostgreSQL's account can pass, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="onward-test-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def run_sql(url: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def server_of(data_dir: Path) -> Postmaster:
    found = find_postmaster(data_dir / "postgres")
    assert found is not None
    return found
