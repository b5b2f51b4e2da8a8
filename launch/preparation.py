"""Migrates and seeds the database in a child process, at every start.

If the embedded database is known to have these migrations already, gunicorn need not wait for the child; on two cores
that saves a third of the start-up time.
"""

import hashlib
import sys
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from launch.children import Child, StopRequest
from launch.errors import LaunchError
from launch.plan import PROJECT, Plan

PREPARE_DEMO = ("demo", "prepare")
"""Migrates, seeds, and prints how to get started, in one process: each start of Python costs more than a second."""
PREPARE = ("db", "upgrade")
CHILD_STOP_SECONDS = 5


class Preparation:
    """The child process that prepares the database, started at once; stopped early if it is no longer needed."""

    def __init__(self, plan: Plan, env: Mapping[str, str]) -> None:
        self._plan = plan
        self._command: tuple[str, ...] = PREPARE_DEMO if plan.settings.demo else PREPARE
        if plan.settings.demo and plan.exposed:
            self._command = (*PREPARE_DEMO, "--no-token")
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  closed in __exit__
        self._child = Child(
            (sys.executable, "-m", "flask", *self._command),
            cwd=PROJECT,
            env=env,
            grace_seconds=CHILD_STOP_SECONDS,
            output=self._output,
        )

    def is_repetition(self) -> bool:
        """Return whether this very cluster has been prepared with these very migrations before."""
        return self._plan.embedded_postgres and self._mark.exists() and self._mark.read_text() == self._fingerprint

    def finish(self, stop: StopRequest) -> str:
        """Wait for the end, and return the welcome text."""
        status = self._child.wait(stop)
        if status != 0:
            raise LaunchError(f"Preparing the database failed: `flask {' '.join(self._command)}` ended with {status}.")
        if self._plan.embedded_postgres:
            self._mark.write_text(self._fingerprint)
        self._output.seek(0)
        output = self._output.read().decode(errors="replace").strip()
        return output if self._plan.settings.demo else self._welcome()

    def _welcome(self) -> str:
        if self._plan.demo_refused:
            why = "The demo sign-in buttons are off: HOST, DATABASE_URL or PUBLIC_URL opens the service to others"
            how = "Add people with `.venv/bin/flask people add`; DEMO=1 would let anyone sign in."
            return f"Onward is ready on {self._plan.address()}\n{why}.\n{how}"
        return f"Onward is ready on {self._plan.address()}"

    @property
    def _mark(self) -> Path:
        return self._plan.settings.data_dir / "prepared"

    @cached_property
    def _fingerprint(self) -> str:
        born = (self._plan.settings.data_dir / "postgres" / "PG_VERSION").stat()
        digest = hashlib.sha256(f"{born.st_ino} {born.st_mtime_ns}".encode())
        for path in sorted((PROJECT / "migrations").rglob("*")):
            if path.suffix in (".py", ".sql"):
                digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.end()
        self._output.close()
