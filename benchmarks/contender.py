"""A contender: started, put under load, and checked for completeness."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from access.tokens import Tokens
from benchmarks.database import PROJECT, SELLERS, Database, Rows
from foundation import clock
from foundation.settings import Settings

PORTS = range(18400, 18500)
READY_SECONDS = 40
STOP_SECONDS = 10
LIFE = ("CONFIRMED", "PREPARING", "READY", "SHIPPED", "DELIVERED")
"""The changes of each order, all within the seller's rights."""

ALL_EFFECTS = Rows(events=1, notifications=2, messages=1, live=6, outbox=0)
"""The rows that a change by a seller leaves."""

NO_EFFECTS = Rows(events=1, notifications=0, messages=0, live=0, outbox=1)
"""The rows that it leaves if nothing processes the entry."""


class BenchmarkError(Exception):
    """The measurement is not valid; the text says why."""


@dataclass(frozen=True)
class Load:
    """The load client's results. Times are seconds; `began` and `ended` are on the monotonic clock."""

    began: float
    ended: float
    committed: int
    rate: float
    p50: float
    p99: float
    busy: float
    """The client's share of one core."""


@dataclass
class Contender:
    """Something that changes orders in a database of its own."""

    name: str
    database: Database
    leaves: Rows = ALL_EFFECTS
    pids: list[int] = field(default_factory=list)

    def start(self) -> None:
        """Start it."""

    def wait_until_ready(self) -> None:
        """Return when it can be loaded."""

    def stop(self) -> None:
        """Stop it."""

    def prepare(self) -> None:
        """Reset the database to its state before the last slice; not measured."""
        if self.leaves.outbox:
            self.database.run("TRUNCATE outbox")
        self.database.put_back()
        self.database.mark()

    def load(self, concurrency: int, warmup: float, seconds: float, number: int) -> Load:
        """Send changes with this many at a time."""
        raise NotImplementedError

    def is_done(self, expected: Rows) -> bool:
        """Whether all effects are done."""
        return (expected.outbox > 0 or self.database.has_nothing_pending) and self.database.rows() == expected

    def rest(self) -> None:
        """Called after the slice; not measured."""

    def check(self, committed: int) -> None:
        """Check at the end of the run that everything is as it should be; raises BenchmarkError otherwise."""


class Process:
    """A process of ours, in a session of its own, whose output is kept in case it fails."""

    def __init__(self, command: Sequence[str | Path], cwd: Path, env: Mapping[str, str]) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  It lives as long as the process.
        self._process = subprocess.Popen(
            # A pipe without a writer: some of them live until their standard input ends.
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid = self._process.pid

    def wait_until(self, fact: Callable[[], bool]) -> None:
        """Return when the condition is met; raises BenchmarkError if the process exits or takes too long."""
        ends = clock.monotonic() + READY_SECONDS
        while not fact():
            if self._process.poll() is not None or clock.monotonic() > ends:
                raise BenchmarkError("It does not come up:\n" + self.output)
            time.sleep(0.05)

    @property
    def output(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace")[-4000:]

    def stop(self) -> None:
        """Ask it to exit, then kill it."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()


@dataclass
class HttpContender(Contender):
    """A web server and whatever else it needs, loaded by the client over HTTP."""

    command: Sequence[str | Path] = ()
    helpers: Sequence[Sequence[str | Path]] = ()
    """Commands of further processes, such as a queue's worker."""

    preparations: Sequence[Sequence[str | Path]] = ()
    """Commands that run to their end before the others are started, such as one that creates tables."""

    project: Path = PROJECT
    """The checkout whose code it runs."""

    cwd: Path | None = None
    others: Sequence[int] = ()
    """Processes that work for it too, and are started and stopped elsewhere."""

    env: Mapping[str, str] = field(default_factory=dict)
    client: str = "client.py"
    """The load client."""

    segments: int = 1
    """In how many pieces it sends a request."""

    tokens: int = SELLERS
    """How many tokens its clients have; a multiple of the sellers, who have equally many each."""

    port: int = 0

    def __post_init__(self) -> None:
        self._processes: list[Process] = []
        self._tokens: list[str] = []

    def start(self) -> None:
        self.port = free_port()
        env = self.database.environment(self.project, **{"PORT": str(self.port), "WEB_CONCURRENCY": "1", **self.env})
        tokens = Tokens.of(Settings.from_env(env))
        self._tokens = [tokens.issue("seller", 1 + number % SELLERS) for number in range(self.tokens)]
        commands = [[str(part).format(port=self.port) for part in one] for one in (self.command, *self.helpers)]
        for command in self.preparations:
            done = subprocess.run(command, cwd=self.cwd or self.project, env=env, capture_output=True, text=True)
            if done.returncode != 0:
                raise BenchmarkError(f"{self.name} failed: {done.stderr.strip()}")
        for command in commands:
            self._processes.append(Process(command, self.cwd or self.project, env))
        self.pids = [*(process.pid for process in self._processes), *self.others]

    def wait_until_ready(self) -> None:
        self._processes[0].wait_until(self._ready)

    def stop(self) -> None:
        while self._processes:
            self._processes.pop().stop()

    def load(self, concurrency: int, warmup: float, seconds: float, number: int) -> Load:
        plan = {
            "port": self.port,
            "tokens": self._tokens,
            "orders": self.database.orders,
            "first": number * 1009,
            "connections": concurrency,
            "life": LIFE,
            "warmup": warmup,
            "seconds": seconds,
            "segments": self.segments,
        }
        command = [sys.executable, str(Path(__file__).with_name(self.client))]
        done = subprocess.run(command, input=json.dumps(plan), capture_output=True, text=True)
        if done.returncode != 0:
            said = "\n".join(process.output for process in self._processes)
            raise BenchmarkError(f"{self.name} failed: {done.stderr.strip()}\n{said}")
        return Load(**json.loads(done.stdout))

    def get(self, path: str) -> Any:
        """The server's response to a GET."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return json.load(answer)

    def _ready(self) -> bool:
        try:
            self.get("/readyz")
        except (OSError, ValueError):
            return False
        return True


def ours(name: str, database: Database, module: str, **env: str) -> HttpContender:
    """This service with one worker, as gunicorn loads it from `module`."""
    return HttpContender(name, database, command=gunicorn(module), env=env)


def gunicorn(module: str) -> list[str]:
    return [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", f"{module}:app"]


_ports = iter(PORTS)


def free_port() -> int:
    """A free port that no other contender of this run was given."""
    for port in _ports:
        with socket.socket() as probe:
            # Another client's connection that is closing does no harm.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BenchmarkError(f"No port is free from {PORTS.start} to {PORTS.stop - 1}.")
