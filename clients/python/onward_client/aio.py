"""The same client for asyncio, over httpx: `pip install onward-client[async]`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Self, TypeVar

import httpx

from onward_client import shortcuts
from onward_client.call import Call, asynchronous
from onward_client.credentials import AsyncCredentials, AsyncToken
from onward_client.errors import OnwardError, Unavailable
from onward_client.events import Change, Event, Result
from onward_client.exchange import CONNECT_SECONDS, Exchange, refused, stream_headers
from onward_client.generated.async_operations import AsyncOperations
from onward_client.shortcuts import asynchronously_paged
from onward_client.sse import SILENCE_SECONDS, Position
from onward_client.values import Http, Value

T = TypeVar("T", bound=Value)

BROKEN = (httpx.HTTPError, httpx.StreamError, OSError, Unavailable, ValueError)


class AsyncOnward(AsyncOperations):
    """A client of one Onward installation with one token, for one event loop.

    `timeout` is how long the service may be silent, `patience` how long an unanswered request is repeated, in seconds.
    """

    def __init__(self, url: str, token: AsyncToken = "", *, timeout: float = 10.0, patience: float = 30.0) -> None:
        self._url = url.rstrip("/")
        self._credentials = AsyncCredentials(token)
        self._patience = patience
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(timeout, connect=CONNECT_SECONDS), trust_env=False)

    me = AsyncOperations.get_principal
    workflow = AsyncOperations.get_workflow
    order = AsyncOperations.get_order
    create = AsyncOperations.create_order
    change_status = asynchronous(shortcuts.change_status)
    dry_run = asynchronous(shortcuts.dry_run)
    edit = asynchronous(shortcuts.edit)
    send_message = asynchronous(shortcuts.send_message)
    orders = asynchronously_paged(shortcuts.orders)
    history = asynchronously_paged(shortcuts.history)
    events = asynchronously_paged(shortcuts.events)

    async def send(self, call: Call[T]) -> T:
        """The result of a request, which `onward_client.calls` has for every operation."""
        exchange = Exchange(call, self._url, self._patience)
        while True:
            token = await self._credentials.token()
            try:
                return await self._once(exchange, token)
            except OnwardError as error:
                if not (exchange.may_renew(error) and self._credentials.forget(token)):
                    await asyncio.sleep(exchange.pause(error))

    async def _once(self, exchange: Exchange[T], token: str) -> T:
        headers = exchange.headers(token)
        try:
            answer = await self._http.request(exchange.method, exchange.url, content=exchange.body, headers=headers)
        except httpx.HTTPError as error:
            never_sent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            raise exchange.unanswered(error, never_sent=never_sent) from error
        return exchange.result(answer.status_code, answer.headers, answer.content)

    async def change_many(self, changes: Sequence[Change], *, key: str | None = None) -> list[Result]:
        """Make many changes, each independently; 500 are sent per request."""
        answers = [await self.send(call) for call in shortcuts.change_many(changes, key)]
        return [Result.of(one) for answer in answers for one in answer.results]

    def listen(self, cursor: str | None = None, *, channels: Sequence[str] = ()) -> AsyncListening:
        """Live events from now on, or after the cursor, endlessly: the operation `streamEvents`."""
        return AsyncListening(self._http, self._url, self._credentials, Position(cursor, tuple(channels)))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class AsyncListening:
    """An endless asynchronous iterator of events. It reconnects after every interruption, and ends when it is closed.

    Unauthorized, if no fresh token helps, Forbidden and Invalid are raised: retrying does not help.
    """

    def __init__(self, http: httpx.AsyncClient, url: str, credentials: AsyncCredentials, position: Position) -> None:
        self._http = http
        self._url = url + position.path
        self._credentials = credentials
        self._position = position
        self._answer: httpx.Response | None = None
        self._closed = asyncio.Event()

    @property
    def cursor(self) -> str:
        """The id of the last event; continue from it with `listen` or `events`."""
        return self._position.cursor

    @property
    def closed(self) -> bool:
        return self._closed.is_set()

    async def close(self) -> None:
        """Close it, from any task; an iteration in progress ends at once."""
        self._closed.set()
        if self._answer is not None:
            await self._answer.aclose()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while not self.closed:
            try:
                async for event in self._until_it_breaks():
                    yield event
            except BROKEN:
                self._position.failed()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), self._position.pause())

    async def _until_it_breaks(self) -> AsyncIterator[Event]:
        token = await self._credentials.token()
        self._answer = await self._open(token)
        if self._answer.status_code == 401 and self._credentials.forget(token):
            await self._answer.aclose()
            self._answer = await self._open(token := await self._credentials.token())
        try:
            if self._answer.status_code != 200:
                raise refused(Http(self._answer.status_code, dict(self._answer.headers)), await self._answer.aread())
            self._position.opened()
            async for piece in self._answer.aiter_bytes():
                for event in self._position.events(piece):
                    yield event
        finally:
            if self._position.token_expires:
                self._credentials.forget(token)
            await self._answer.aclose()

    async def _open(self, token: str) -> httpx.Response:
        timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
        request = self._http.build_request(
            "GET", self._url, headers=stream_headers(token, self.cursor), timeout=timeout
        )
        return await self._http.send(request, stream=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
