"""FastAPI + Procrastinate over the same PostgreSQL: one job for each change, committed with it, worked off by one
process."""

from __future__ import annotations

from typing import Any

from procrastinate import App, PsycopgConnector  # type: ignore[import-not-found,unused-ignore]
from psycopg import AsyncConnection  # type: ignore[import-not-found,unused-ignore]

from benchmarks.peers import work
from benchmarks.peers.fastapi_jobs import CONNECTIONS, build, write

queue = App(connector=PsycopgConnector(conninfo=work.DSN, min_size=CONNECTIONS, max_size=CONNECTIONS))


async def follow(**change: Any) -> None:
    await write(change)


task = queue.task(name="follow")(follow)


async def enqueue(connection: AsyncConnection, change: work.Change) -> Any:
    return await task.configure(connection=connection).defer_async(**change)


app = build(enqueue, queue.open_async)
