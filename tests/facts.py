"""Wait for a fact, never for time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

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
