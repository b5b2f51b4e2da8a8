"""Wait for a fact, or for a coroutine; never for time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import gevent

from foundation import clock

PATIENCE_SECONDS = 20
LOOK_SECONDS = 0.02
T = TypeVar("T")


def eventually(fact: Callable[[], T], within: float = PATIENCE_SECONDS) -> T:
    """The first true answer of `fact`; AssertionError when there is none in time."""
    ends = clock.monotonic() + within
    while True:
        if answer := fact():
            return answer
        if clock.monotonic() > ends:
            raise AssertionError(f"not within {within} s; the last answer was {answer!r}")
        gevent.sleep(LOOK_SECONDS)


def awaited(coroutine: Coroutine[Any, Any, T]) -> T:
    """What it returns, from a loop of its own: playwright has one running in the thread of the tests."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()
