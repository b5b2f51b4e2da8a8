"""Flask + Celery over Redis: six tasks for each change, worked off by one process.

They are sent after the commit and not together with it, and this Redis keeps nothing on disk: what it holds is lost in
a crash.
"""

from __future__ import annotations

import os

from celery import Celery  # type: ignore[import-not-found,import-untyped,unused-ignore]

from benchmarks.peers import work
from benchmarks.peers.flask_orders import build, write

celery = Celery("peer", broker=f"redis+socket://{os.environ['REDIS_SOCKET']}")
celery.conf.update(task_ignore_result=True, worker_prefetch_multiplier=64, worker_hijack_root_logger=False)


def perform(name: str, change: work.Change) -> None:
    write(getattr(work, name)(change))


TASKS = [(one.__name__, celery.task(perform, name=one.__name__)) for one in work.EFFECTS]


def follow(change: work.Change) -> None:
    for name, task in TASKS:
        task.delay(name, change)


app = build(follow)
