"""FastAPI + asyncpg + BackgroundTasks: six tasks after the answer, each writing its rows one by one. Not durable."""

from __future__ import annotations

import asyncpg  # type: ignore[import-not-found,import-untyped,unused-ignore]
from fastapi import BackgroundTasks  # type: ignore[import-not-found,unused-ignore]

from benchmarks.peers import work
from benchmarks.peers.fastapi_orders import build


def follow(tasks: BackgroundTasks, pool: asyncpg.Pool, change: work.Change) -> None:
    for effect in work.EFFECTS:
        tasks.add_task(write, pool, effect(change))


async def write(pool: asyncpg.Pool, rows: list[work.Row]) -> None:
    for kind, values in rows:
        await pool.execute(work.INSERT[kind], *values)


app = build(follow)
