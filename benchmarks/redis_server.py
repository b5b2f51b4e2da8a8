"""A Redis of our own for the queues, behind a private socket and without a disk."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.contender import BenchmarkError, Process
from benchmarks.database import PROJECT


class Redis:
    """One server for as long as the block lasts."""

    def __enter__(self) -> Self:
        program = shutil.which("redis-server")
        if program is None:
            raise BenchmarkError("redis-server is needed for the queues (Debian: apt-get install redis-server).")
        self._folder = Path(tempfile.mkdtemp(prefix="onward-redis-"))
        self.socket = self._folder / "redis.sock"
        command = [program, "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"]
        self._process = Process(command, PROJECT, {})
        self._process.wait_until(self.socket.exists)
        self.pids = [self._process.pid]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
