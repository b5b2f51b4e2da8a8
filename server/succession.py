"""Lets old workers serve until the new ones do: for gunicorn's master, which would stop them right after the fork.

With a single worker, nobody answered for as long as its successor took to start.
"""

from __future__ import annotations

import signal
import time
from typing import Any

READY_SECONDS = 60.0
"""A worker starts within a second, or within twenty on a busy machine; the old ones are stopped after that anyway."""

POLL_SECONDS = 0.05


def install(master: Any) -> None:
    """Ask no worker to stop before all younger ones accept connections, unless everything stops."""
    kill = master.kill_worker

    def kill_worker(pid: int, sig: int) -> None:
        if sig == signal.SIGTERM and master.LISTENERS and pid in master.WORKERS:
            _wait_for_younger(master, master.WORKERS[pid].age)
        kill(pid, sig)

    master.kill_worker = kill_worker


def note_birth(worker: Any) -> None:
    """Remember what its file says before the worker's first sign of life, which follows its first accept(2)."""
    worker.born = worker.tmp.last_update()


def _wait_for_younger(master: Any, age: int) -> None:
    ends = time.monotonic() + READY_SECONDS
    while time.monotonic() < ends and not all(_serves(one) for one in master.WORKERS.values() if one.age > age):
        time.sleep(POLL_SECONDS)
        master.reap_workers()  # one that cannot start ends here, and what follows is gunicorn's


def _serves(worker: Any) -> bool:
    return bool(worker.tmp.last_update() != worker.born)
