"""FastAPI + Oban over the same PostgreSQL: one job for each change, committed with it, worked off by one process."""

from __future__ import annotations

from typing import Any

from oban import Oban, worker  # type: ignore[import-not-found,unused-ignore]
from oban.job import Job  # type: ignore[import-not-found,unused-ignore]
from psycopg import AsyncConnection  # type: ignore[import-not-found,unused-ignore]

from benchmarks.peers import work
from benchmarks.peers.fastapi_jobs import build, opened, write


@worker(queue="default")
class Follow:
    async def process(self, job: Job) -> None:
        await write(job.args)


async def enqueue(connection: AsyncConnection, change: work.Change) -> Any:
    return await Follow.enqueue(change, conn=connection)  # type: ignore[attr-defined]


class Running:
    """Enqueues only: the queue's worker is a process of its own."""

    async def __aenter__(self) -> None:
        self._oban = await Oban(pool=await opened()).start()

    async def __aexit__(self, *_: object) -> None:
        await self._oban.stop()


app = build(enqueue, Running)
