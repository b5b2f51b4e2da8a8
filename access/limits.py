"""How often a principal may ask: reads and writes each have a rate, counted in this process, or in Redis for all.

The counting is the library's (a sliding window of a second). A Redis that is away limits nobody more and nobody less
than the process alone would: it is asked again after a while, and no request waits for it meanwhile.
"""

from __future__ import annotations

import math

from limits import RateLimitItem, RateLimitItemPerSecond, WindowStats
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import RateLimiter, SlidingWindowCounterRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from foundation import clock
from foundation.errors import TooManyRequests
from foundation.logs import Trouble

REDIS_SECONDS = 0.25
"""How long Redis may take to connect, and to answer. Its client would try three times, for seconds."""

AGAIN_SECONDS = 5.0
"""After a failure, this process counts alone for so long."""


class Limits:
    """The rates of one installation, in requests per second; 0 for none."""

    def __init__(self, reads: int, writes: int, redis_url: str = "") -> None:
        self._items = {
            kind: RateLimitItemPerSecond(rate) for kind, rate in (("reads", reads), ("writes", writes)) if rate
        }
        self._alone = SlidingWindowCounterRateLimiter(storage_from_string("memory://"))
        self._shared = _shared(redis_url) if self._items and redis_url else None
        self._alone_until = 0.0
        self._trouble = Trouble("Redis cannot count requests; each process counts its own")

    def take(self, who: str, reading: bool) -> list[tuple[str, str]]:
        """Count one request; raises TooManyRequests when it comes too early.

        Returns the header fields that tell what is left of the rate (IETF draft-ietf-httpapi-ratelimit-headers); none
        where there is no rate.
        """
        kind = "reads" if reading else "writes"
        item = self._items.get(kind)
        if item is None:
            return []
        allowed, window = self._hit(item, kind, who)
        seconds = max(1, math.ceil(window.reset_time - clock.unix_seconds()))
        left = window.remaining if allowed else 0
        told = {"RateLimit-Policy": f'"{kind}";q={item.amount};w=1', "RateLimit": f'"{kind}";r={left};t={seconds}'}
        if not allowed:
            detail = f"More than {item.amount} {kind} a second. Try again in {seconds} s."
            raise TooManyRequests(detail, seconds, told)
        return list(told.items())

    def _hit(self, item: RateLimitItem, *who: str) -> tuple[bool, WindowStats]:
        """Whether the request may pass, and how its window stands."""
        if self._shared is not None and clock.monotonic() >= self._alone_until:
            try:
                found = _hit(self._shared, item, who)
            except StorageError as error:
                self._trouble.tell(error)
                self._alone_until = clock.monotonic() + AGAIN_SECONDS
            else:
                self._trouble.over()
                return found
        return _hit(self._alone, item, who)


def _hit(limiter: RateLimiter, item: RateLimitItem, who: tuple[str, ...]) -> tuple[bool, WindowStats]:
    return limiter.hit(item, *who), limiter.get_window_stats(item, *who)


def _shared(url: str) -> RateLimiter:
    options = {"socket_timeout": REDIS_SECONDS, "socket_connect_timeout": REDIS_SECONDS, "retry": Retry(NoBackoff(), 0)}
    return SlidingWindowCounterRateLimiter(storage_from_string(url, wrap_exceptions=True, **options))  # type: ignore[arg-type]
