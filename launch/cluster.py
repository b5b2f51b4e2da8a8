"""Creates, starts and stops one PostgreSQL cluster with PostgreSQL's own programs."""

import hashlib
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

from launch.account import Account
from launch.errors import EmbeddedPostgresError
from launch.postmaster import OUR_MARK, SOCKET_FILES, Postmaster, find_postmaster, remove_stale_files

SUPERUSER = "onward"
START_SECONDS = 60
"""Enough for the recovery after a crash; a start takes 0.1 s otherwise."""
SERVER_STOP_SECONDS = 30
RETRY_SECONDS = 0.05
LOG_BYTES = 10_000_000
"""A log that has grown beyond this is renamed at the next start; only one old one is kept."""
LONGEST_SOCKET_PATH = 100
"""The kernel's limit is 108 bytes on Linux and 104 on macOS, with the final zero."""
SHORT_FOLDER = "/tmp"  # noqa: S108  Checked for its owner before use; $TMPDIR is too long on macOS.
PLAIN_PATH = re.compile(r"[\w/.@+-]+", re.ASCII)
"""Other characters in paths would have to survive a shell and PostgreSQL's list syntax."""
LOG_SETTINGS = (
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
    "log_parameter_max_length=0",
    "log_parameter_max_length_on_error=0",
)
"""Keeps people's data out of the server's log: for errors only the message, without the statement (which contains our
values), without DETAIL and CONTEXT, which repeat rows, and without the statements of a deadlock or of a crash."""
SETTINGS = (
    *LOG_SETTINGS,
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "max_connections=200",
    "timezone=UTC",
    "log_timezone=UTC",
    OUR_MARK,
)
CREATE = (
    *("--username", SUPERUSER, "--auth=trust", "--no-instructions"),
    *("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
)
"""Trust is enough: only the owner of the 0700 folder with the socket, and root, can connect at all."""


class Cluster:
    """The data files of one server, its log, and its private socket folder."""

    def __init__(self, folder: Path, account: Account, programs: Path) -> None:
        self.folder = folder
        self.account = account
        self.programs = programs
        self.log = folder / "server.log"
        self.socket_dir = socket_folder(folder, account)

    def create(self) -> None:
        """Run initdb, unless the cluster exists; it appears under its name only when complete."""
        if (self.folder / "PG_VERSION").exists():
            self.account.own(self.folder)
            return
        unfinished = self.folder.with_name(self.folder.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        self.account.own(unfinished)
        done = self.account.run(self.programs / "initdb", "--pgdata", unfinished, *CREATE, cwd=unfinished)
        if done.returncode != 0:
            raise EmbeddedPostgresError(f"PostgreSQL's initdb failed: {_last(done.stderr or done.stdout, 3)}")
        unfinished.rename(self.folder)

    def bring_up(self) -> Postmaster:
        """Return the running server of this cluster, after starting it if there is none."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            running = find_postmaster(self.folder)
            if running is None:
                self._start()
            elif running.status == "ready":
                return running
            else:
                time.sleep(RETRY_SECONDS)
        raise EmbeddedPostgresError(f"PostgreSQL was not ready within {START_SECONDS} s: {self._log_tail()}")

    def shut_down(self) -> None:
        """Stop the server: no new work, running transactions are rolled back, data is on disk."""
        for mode in ("fast", "immediate"):
            self._pg_ctl("stop", "--mode", mode, "--timeout", str(SERVER_STOP_SECONDS))
            if find_postmaster(self.folder) is None:
                break
        else:
            raise EmbeddedPostgresError(f"PostgreSQL does not stop: {self._log_tail()}")
        if self.socket_dir.parent != self.folder.parent:
            shutil.rmtree(self.socket_dir, ignore_errors=True)

    def _start(self) -> None:
        """Try to start once. An attempt that was only too early is not an error; the caller tries again."""
        self.account.own(self.socket_dir)
        self._rotate_log()
        remove_stale_files(self.folder, self.socket_dir)
        options = " ".join(f"-c {setting}" for setting in (*SETTINGS, f"unix_socket_directories={self.socket_dir}"))
        log = ("--log", str(self.log))
        done = self._pg_ctl("start", *log, "--options", options, "--timeout", str(START_SECONDS))
        if done.returncode != 0:
            # The children of a killed server need a moment to notice that they are orphans.
            if "shared memory block" not in self._log_tail():
                raise EmbeddedPostgresError(f"PostgreSQL did not start: {self._log_tail() or _last(done.stderr, 3)}")
            time.sleep(RETRY_SECONDS)

    def _pg_ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        pg_ctl = self.programs / "pg_ctl"
        return self.account.run(pg_ctl, "--pgdata", self.folder, "--wait", "--silent", *arguments, cwd=self.folder)

    def _rotate_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.old"))

    def _log_tail(self) -> str:
        if not self.log.exists():
            return ""
        return f"{_last(self.log.read_text(errors='replace'), 3)} (all of it in {self.log})"


def socket_folder(cluster: Path, account: Account) -> Path:
    """Choose the private folder of the socket: beside the cluster, or below the temporary folder if that path is too
    long."""
    beside = cluster.with_name(cluster.name + "-socket")
    if len(os.fsencode(beside / SOCKET_FILES[1])) <= LONGEST_SOCKET_PATH and PLAIN_PATH.fullmatch(str(beside)):
        return beside
    digest = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:12]
    return Path(SHORT_FOLDER, f"onward-{account.uid}-{digest}")


def _last(text: str, count: int) -> str:
    return " | ".join(line.strip() for line in text.splitlines()[-count:])
