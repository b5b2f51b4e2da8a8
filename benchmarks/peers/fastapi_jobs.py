"""The PATCH in FastAPI over psycopg 3, for the two peers that insert a job in the transaction of the change.

One job for each change writes all rows in one statement: the fastest form of these two, and nothing is lost in a crash.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from fastapi import FastAPI, Header, HTTPException, Response  # type: ignore[import-not-found,unused-ignore]
from psycopg import AsyncConnection  # type: ignore[import-not-found,unused-ignore]
from psycopg_pool import AsyncConnectionPool  # type: ignore[import-not-found,unused-ignore]
from pydantic import BaseModel

from benchmarks.peers import work

CONNECTIONS = 8
OPTIONS = "-c plan_cache_mode=force_generic_plan -c jit=off"
CHANGE, COMBINED = work.psycopg(work.CHANGE), work.psycopg(work.COMBINED)

_pools: list[AsyncConnectionPool] = []


class NewStatus(BaseModel):
    status: str


async def opened() -> AsyncConnectionPool:
    """The connections of this process, opened when they are first needed."""
    if not _pools:
        pool = AsyncConnectionPool(
            work.DSN, min_size=CONNECTIONS, max_size=CONNECTIONS, open=False, kwargs={"options": OPTIONS}
        )
        _pools.append(pool)
        await pool.open()
    return _pools[0]


async def write(change: work.Change) -> None:
    """Write all rows that follow from a change."""
    async with (await opened()).connection() as connection:
        await connection.execute(COMBINED, work.named(work.combined(change)))


def build(
    enqueue: Callable[[AsyncConnection, work.Change], Awaitable[Any]],
    running: Callable[[], AbstractAsyncContextManager[Any]] = nullcontext,
) -> FastAPI:
    """An application that has `enqueue` insert the job, on the connection that has made the change."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with await opened(), running():
            yield

    async def change_status(order_id: int, body: NewStatus, authorization: str = Header()) -> Response:
        args = work.arguments(order_id, body.status, work.seller_of(authorization))
        async with (await opened()).connection() as connection:
            row = await (await connection.execute(CHANGE, work.named(args))).fetchone()
            if row is None:
                raise HTTPException(409)
            change = dict(zip(work.COLUMNS, row, strict=True))
            await enqueue(connection, change)
        return Response(work.answer(change), media_type="application/json")

    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.add_api_route("/api/orders/{order_id}/status", change_status, methods=["PATCH"])
    app.add_api_route("/readyz", ready)
    return app
