"""The one place that asks what time it is, so that a test can say it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """This moment, in UTC, with its zone."""
    return datetime.now(UTC)


def unix_seconds() -> float:
    """This moment as seconds since 1970, the unit of a token's `exp`."""
    return time.time()


def monotonic() -> float:
    """Seconds that only ever grow; for durations and deadlines inside one process."""
    return time.monotonic()
