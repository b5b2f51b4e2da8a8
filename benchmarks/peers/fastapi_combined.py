"""FastAPI + asyncpg + one background task that writes all rows in one statement with a generic plan. Not durable."""

from __future__ import annotations

import asyncpg  # type: ignore[import-not-found,import-untyped,unused-ignore]
from fastapi import BackgroundTasks  # type: ignore[import-not-found,unused-ignore]

from benchmarks.peers import work
from benchmarks.peers.fastapi_orders import build


def follow(tasks: BackgroundTasks, pool: asyncpg.Pool, change: work.Change) -> None:
    tasks.add_task(pool.execute, work.COMBINED, *work.combined(change))


app = build(follow, plan_cache_mode="force_generic_plan", jit="off")
