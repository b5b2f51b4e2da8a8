"""The machine: what it is, and what else used its processors."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

from foundation import clock

NOISY_SHARE = 0.10
"""A slice during which others used more than this share of the machine is called noisy."""


@dataclass(frozen=True)
class Usage:
    """Processor time by user, in seconds, during a measurement."""

    seconds: float
    server: float
    postgres: float
    ours: float
    everybody: float

    @property
    def foreign(self) -> float:
        """The share of the whole machine that went to processes that are not ours."""
        return max(0.0, self.everybody - self.ours) / (self.seconds * (os.cpu_count() or 1))


@dataclass(frozen=True)
class Meter:
    """The counters at one moment; `until_now` returns what was used since."""

    server: Sequence[int]
    postgres: Sequence[int]
    counted: Usage

    @classmethod
    def begin(cls, server: Sequence[int], postgres: Sequence[int]) -> Self:
        return cls(server, postgres, _count(server, postgres))

    def until_now(self) -> Usage:
        now, then = _count(self.server, self.postgres), self.counted
        return Usage(
            now.seconds - then.seconds,
            now.server - then.server,
            now.postgres - then.postgres,
            now.ours - then.ours,
            now.everybody - then.everybody,
        )


def _count(server: Sequence[int], postgres: Sequence[int]) -> Usage:
    times = psutil.cpu_times()
    busy = times.user + times.system + getattr(times, "nice", 0.0) + getattr(times, "steal", 0.0)
    # PostgreSQL and the servers may or may not be children of ours; nothing is counted twice.
    ours = {process.pid for pid in (os.getpid(), *server, *postgres) for process in _tree(pid)}
    return Usage(clock.monotonic(), _used(server), _used(postgres), sum(map(_cpu_seconds, ours)), busy)


def _used(roots: Sequence[int]) -> float:
    return sum(map(_cpu_seconds, {process.pid for pid in roots for process in _tree(pid)}))


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def _cpu_seconds(pid: int) -> float:
    """The time of a process and of those of its children that have ended."""
    with suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)
    return 0.0


def facts(postgres_version: str) -> str:
    """One line on what this machine is."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores of {_processor()}, {memory:.0f} GB of memory, "
        f"{platform.system()} {platform.release().partition('-')[0]}, "
        f"Python {platform.python_version()}, PostgreSQL {postgres_version.split()[0]}"
    )


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
