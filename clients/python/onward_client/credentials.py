"""The token that requests carry, and a fresh one where the service no longer accepts it."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable

Token = str | Callable[[], str]
"""A token, or a function that returns a fresh one."""

AsyncToken = str | Callable[[], str | Awaitable[str]]
"""A token, or a function that returns a fresh one, which may be a coroutine function."""


class Credentials:
    """Calls the function when a token is first needed, and again when it was refused; thread-safe."""

    def __init__(self, token: Token) -> None:
        self._token = token if isinstance(token, str) else ""
        self._fresh = None if isinstance(token, str) else token
        self._lock = threading.Lock()

    def token(self) -> str:
        with self._lock:
            if not self._token and self._fresh:
                self._token = self._fresh()
            return self._token

    def forget(self, refused: str) -> bool:
        """Whether another token can be had instead of this one, which another thread may have replaced already."""
        with self._lock:
            if self._fresh and self._token == refused:
                self._token = ""
            return self._fresh is not None


class AsyncCredentials:
    """The same for one event loop."""

    def __init__(self, token: AsyncToken) -> None:
        self._token = token if isinstance(token, str) else ""
        self._fresh = None if isinstance(token, str) else token
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        async with self._lock:
            if not self._token and self._fresh:
                fresh = self._fresh()
                self._token = await fresh if inspect.isawaitable(fresh) else fresh
            return self._token

    def forget(self, refused: str) -> bool:
        """Whether another token can be had instead of this one, which another task may have replaced already."""
        if self._fresh and self._token == refused:
            self._token = ""
        return self._fresh is not None
