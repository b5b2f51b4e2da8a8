"""The one source of the current time, so that tests can set it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


def now() -> datetime:
    """The current time, in UTC, with its time zone."""
    return datetime.now(UTC)


unix_seconds: Callable[[], float] = time.time
"""The current time as seconds since 1970, the unit of a token's `exp`."""

monotonic: Callable[[], float] = time.monotonic
"""Monotonic seconds, for durations and deadlines within one process."""
