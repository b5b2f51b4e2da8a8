"""The one place that asks what time it is, so that a test can say it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime


def now() -> datetime:
    """This moment, in UTC, with its zone."""
    return datetime.now(UTC)


unix_seconds: Callable[[], float] = time.time
"""This moment as seconds since 1970, the unit of a token's `exp`."""

monotonic: Callable[[], float] = time.monotonic
"""Seconds that only ever grow; for durations and deadlines inside one process."""
