"""The embedded PostgreSQL, for when no database is given: it is in the data directory, behind a private socket.

The first user starts the server; later ones use it while it runs. Every user holds a share of it, and the server is
stopped with the last share, so two launchers on one data directory do not stop it for each other. A share is a file
lock: a killed process releases its share automatically, and the server it left behind is taken over by the next user. A
server that was started by other means is used, but never stopped.

If root's data directory is closed to PostgreSQL's account, as below /root, the cluster is stored elsewhere and a link
points to it: from then on it is found by the link.
"""

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg2

from launch.account import Account, account_for
from launch.binaries import programs
from launch.cluster import SUPERUSER, Cluster
from launch.errors import EmbeddedPostgresError
from launch.locks import Share, alone
from launch.postmaster import PORT, find_postmaster

DATABASE = "onward"
CONNECT_SECONDS = 5


class EmbeddedPostgres:
    """The PostgreSQL server of one data directory, with one database.

    `elsewhere` is the folder for its files if its account cannot reach the data directory; without one, that is an
    error.
    """

    def __init__(self, data_dir: Path, elsewhere: Path | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.home = self.data_dir
        self._elsewhere = elsewhere
        self._url = ""
        self._share: Share | None = None
        self._cluster: Cluster | None = None

    def start(self) -> str:
        """Make sure that the server runs and has the database; return the database's URL. May be called repeatedly."""
        if self._share is not None:
            return self._url
        with _in_one_line():
            _make_folder(self.data_dir)
            with alone(self.data_dir / "postgres.lock"):
                self._share = Share(self.data_dir / "postgres.share")
                try:
                    self._url = self._bring_up()
                except BaseException:
                    self._leave()
                    raise
        return self._url

    def stop(self) -> None:
        """Release our share, and stop the server if it was the last one."""
        if self._share is not None:
            with _in_one_line(), alone(self.data_dir / "postgres.lock"):
                self._leave()

    def shared_files(self) -> tuple[int, ...]:
        """Return the files that a child process has to inherit to hold the share as well, in case it outlives us."""
        return () if self._share is None else (self._share.fd,)

    def _bring_up(self) -> str:
        account = account_for(self.data_dir / "postgres")
        self.home = self._home(account)
        account.require_way_to(self.home)
        self._cluster = Cluster(self.home / "postgres", account, programs(account, self.home))
        self._cluster.create()
        socket_dir = self._cluster.bring_up().socket_dir
        _ensure_database(socket_dir)
        return f"postgresql+psycopg2://{_place(socket_dir, DATABASE)}"

    def _home(self, account: Account) -> Path:
        """Choose the folder of the cluster and of everything its account needs; permanently, by a link."""
        cluster = self.data_dir / "postgres"
        if self._elsewhere and not cluster.exists() and not account.reaches(self.data_dir):
            _make_folder(self._elsewhere)
            cluster.unlink(missing_ok=True)
            cluster.symlink_to(self._elsewhere / "postgres")
        return cluster.resolve().parent

    def _leave(self) -> None:
        share, self._share = self._share, None
        if share is None or not share.give_up() or self._cluster is None:
            return
        running = find_postmaster(self._cluster.folder)
        if running is not None and running.ours:
            self._cluster.shut_down()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def running_url(data_dir: Path) -> str | None:
    """Return the URL of this data directory's database while its server runs, without starting anything."""
    running = find_postmaster(data_dir.resolve() / "postgres")
    return f"postgresql+psycopg2://{_place(running.socket_dir, DATABASE)}" if running else None


def _ensure_database(socket_dir: Path) -> None:
    url = f"postgresql://{_place(socket_dir, 'postgres')}"
    with closing(psycopg2.connect(url, connect_timeout=CONNECT_SECONDS)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {DATABASE}")


def _place(socket_dir: Path, database: str) -> str:
    # The port is explicit because libpq would otherwise use PGPORT.
    return f"{SUPERUSER}@/{database}?host={quote(str(socket_dir))}&port={PORT}"


def _make_folder(folder: Path) -> None:
    """Create the folder and its missing parents, traversable whatever our umask is."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)


@contextmanager
def _in_one_line() -> Iterator[None]:
    try:
        yield
    except (OSError, psycopg2.Error, subprocess.SubprocessError) as problem:
        raise EmbeddedPostgresError(f"The embedded PostgreSQL cannot be used: {problem}") from problem
