"""A real Redis on a private socket, for the tests that want one."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
import redis

from tests.facts import eventually


class RedisServer:
    """One server, which can be stopped and started again."""

    def __init__(self, program: str, folder: Path) -> None:
        self._command = [program, "--port", "0", "--unixsocket", str(folder / "redis.sock"), "--save", ""]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis+unix://{folder / 'redis.sock'}"

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, cwd=self._folder, stdout=subprocess.DEVNULL)
        eventually(lambda: (self._folder / "redis.sock").exists() and self._ask(lambda client: client.ping()))

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def empty(self) -> Self:
        """Nothing counted yet."""
        self._ask(lambda client: client.flushall())
        return self

    def keys(self) -> list[Any]:
        found: list[Any] = self._ask(lambda client: client.keys())
        return found

    def _ask(self, question: Any) -> Any:
        with redis.Redis.from_url(self.url.replace("redis+unix", "unix")) as client:
            try:
                return question(client)
            except redis.ConnectionError:
                return None


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """A server for as long as the block lasts; where there is no program for it, the test is skipped."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server (Debian package redis-server)")
    with tempfile.TemporaryDirectory(prefix="onward-redis-") as folder:
        server = RedisServer(program, Path(folder))
        server.start()
        yield server
        server.stop()
