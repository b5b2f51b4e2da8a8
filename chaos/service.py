"""A gunicorn with its workers, to be sent requests and to be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any

import gevent
import orjson
import psutil

from access.principal import Role
from access.tokens import LIFETIME_SECONDS, Tokens
from chaos.database import PROJECT, SECRET
from foundation import clock
from foundation.settings import Settings

READY_SECONDS = 60
STOP_SECONDS = 25


class Service:
    """The service on a free port of the loopback interface."""

    def __init__(self, database_url: str, workers: int, wsgi: str, **env: str) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed in stop
        self._wsgi = wsgi
        self._process: subprocess.Popen[bytes] | None = None
        self._workers = workers
        self.port = free_port()
        self.env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(PROJECT),
            "DATABASE_URL": database_url,
            "JWT_SECRET": SECRET,
            "PORT": str(self.port),
            "WEB_CONCURRENCY": str(workers),
        } | env
        self._tokens = Tokens.of(Settings.from_env(self.env))

    def start(self, wait: bool = True) -> None:
        """Start it; by default wait until all its workers are ready."""
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", self._wsgi]
        self._process = subprocess.Popen(
            command, cwd=PROJECT, env=self.env, stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True
        )
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Return when as many workers as there should be are ready; AssertionError with the log if they never are."""
        ends = clock.monotonic() + READY_SECONDS
        while len(self.workers()) < self._workers or any(self.get("/readyz") != 200 for _ in range(4)):
            if clock.monotonic() > ends or not self.alive:
                raise AssertionError(f"The service does not get ready:\n{self.log[-5000:]}")
            gevent.sleep(0.1)

    @property
    def alive(self) -> bool:
        """Whether the master runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The master's process id."""
        assert self._process is not None
        return self._process.pid

    def workers(self) -> list[int]:
        """The process ids of the workers that live."""
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(self.pid).children()
            return [one.pid for one in children if one.status() != psutil.STATUS_ZOMBIE]
        return []

    def add_worker(self) -> None:
        """Add a worker, and wait until it is ready."""
        self._workers += 1
        os.kill(self.pid, signal.SIGTTIN)
        self.wait_until_ready()

    def kill(self) -> None:
        """kill -9 for the master and all workers at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def stop(self) -> None:
        """Stop it gracefully; by force if that fails."""
        if self._process is not None and self.alive:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        self._log.close()

    @property
    def log(self) -> str:
        """The output of all its processes."""
        return os.pread(self._log.fileno(), 100_000_000, 0).decode(errors="replace")

    def token(self, role: Role, id: int, lifetime: float = LIFETIME_SECONDS) -> str:
        """A bearer token."""
        return self._tokens.issue(role, id, lifetime)

    def post(self, path: str, body: Any, token: str, timeout: float = 5) -> Any:
        """The content of the answer to a POST, which has to succeed."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            connection.request("POST", path, orjson.dumps(body), headers)
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if answer.status not in (200, 201):
            raise AssertionError(f"POST {path}: {answer.status} {said!r}")
        return orjson.loads(said)

    def get(self, path: str, timeout: float = 5) -> int:
        """The status of a GET on a new connection; 0 if there was no response."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()


def free_port() -> int:
    """A free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
