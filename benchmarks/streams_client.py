"""The load client for streams, `sse_client.c`: built on demand, pinned to a core of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.contender import BenchmarkError

SOURCE = Path(__file__).with_name("sse_client.c")
SERVER_CORE, CLIENT_CORE = "0", "1"
AT_ONCE, AT_ONCE_BLIND = 256, 64
"""Streams that are opened at the same time; fewer if the server offers no readiness signal."""

PRIME_SECONDS = 30


def pinned(core: str) -> list[str]:
    """The prefix of a command that is pinned to this core."""
    return ["taskset", "-c", core]


def build(folder: Path) -> Path:
    """Compile the client into this folder."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise BenchmarkError("A C compiler is needed for the load client (Debian: apt-get install gcc libc6-dev).")
    if shutil.which("taskset") is None:
        raise BenchmarkError("taskset is needed to give server and client a core each (Debian: util-linux).")
    program = folder / "sse_client"
    done = subprocess.run([compiler, "-O2", "-o", str(program), str(SOURCE)], capture_output=True, text=True)
    if done.returncode != 0:
        raise BenchmarkError(f"{SOURCE.name} does not compile: {done.stderr.strip()}")
    return program


class StreamsClient:
    """One process with many streams to one server."""

    def __init__(self, program: Path, port: int, core: str = CLIENT_CORE) -> None:
        command = [*pinned(core), str(program), str(port)]
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  It lives as long as the process.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True, bufsize=1
        )

    def open(self, streams: Sequence[tuple[int, str, str]], blind: bool = False) -> float:
        """Open these (channel, target, header); returns how many were opened per second."""
        with tempfile.NamedTemporaryFile("w", suffix=".streams") as file:
            file.writelines(f"{channel}\t{target}\t{header}\n" for channel, target, header in streams)
            file.flush()
            answer = self.ask(f"open {file.name} {AT_ONCE_BLIND if blind else AT_ONCE} {int(blind)}")
        if answer["open"] != len(streams):
            raise BenchmarkError(f"{answer['open']} of {len(streams)} streams opened: {self.errors}")
        return float(answer["open"] / answer["seconds"])

    def prime(self) -> int:
        """Publish until every stream has received something; returns how many have not after half a minute."""
        return int(self.ask(f"prime {PRIME_SECONDS}")["deaf"])

    def ask(self, command: str) -> dict[str, Any]:
        """Send the client a command, and wait until it is done."""
        self.tell(command)
        return self.answer()

    def tell(self, command: str) -> None:
        """Send the client a command; `answer` waits for it."""
        assert self._process.stdin is not None
        print(command, file=self._process.stdin, flush=True)

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BenchmarkError(f"The load client ended: {self.errors}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    @property
    def errors(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-2000:]

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._errors.close()
