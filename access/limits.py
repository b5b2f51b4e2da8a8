"""Rate limits: reads and writes of a principal, and messages of a person, each have a rate, counted in this process, or
in Redis for all.

The counting is the library's (a sliding window of a second, or of a minute). While Redis is unavailable, the limits are
those of the process alone: Redis is tried again after a while, and no request waits for it meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond, WindowStats
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import RateLimiter, SlidingWindowCounterRateLimiter

from foundation import clock
from foundation.errors import TooManyRequests
from foundation.logs import FailureLog

REDIS_SECONDS = 0.25
"""Timeout for Redis to connect and to respond. Its client would try three times, for seconds."""

AGAIN_SECONDS = 5.0
"""After a failure, this process counts alone for this time."""

T = TypeVar("T")


class RateLimits:
    """The rates of one installation, in requests per second, and in messages per minute; 0 for none."""

    def __init__(self, reads: int, writes: int, redis_url: str = "", messages: int = 0) -> None:
        self._items: dict[str, RateLimitItem] = {
            kind: RateLimitItemPerSecond(rate) for kind, rate in (("reads", reads), ("writes", writes)) if rate
        }
        if messages:
            self._items["messages"] = RateLimitItemPerMinute(messages)
        self.writes = writes
        self._alone = SlidingWindowCounterRateLimiter(storage_from_string("memory://"))
        self._shared = _shared(redis_url) if self._items and redis_url else None
        self._alone_until = 0.0
        self._failures = FailureLog(
            failed=(
                "rate_limits.redis_failed",
                "Redis cannot be used for rate limits; each process counts its own requests",
            ),
            recovered=("rate_limits.redis_recovered", "Redis counts the requests of all processes again"),
        )

    def take(self, who: str, reading: bool) -> list[tuple[str, str]]:
        """Count one request; raises TooManyRequests beyond the rate.

        Returns the header fields that report the remaining quota (IETF draft-ietf-httpapi-ratelimit-headers); none
        without a rate.
        """
        return self._take("reads" if reading else "writes", who)

    def take_message(self, who: str, via: str | None) -> None:
        """Count one message of a person, or of what else acts for `who`; raises TooManyRequests beyond the rate."""
        self._take("messages", f"{who} {via or ''}")

    def _take(self, kind: str, who: str) -> list[tuple[str, str]]:
        item = self._items.get(kind)
        if item is None:
            return []
        allowed, window = self._ask(lambda limiter: _hit(limiter, item, (kind, who)))
        fields = _fields(item, kind, window if allowed else window._replace(remaining=0))
        if not allowed:
            raise _too_many(item, kind, window, fields)
        return list(fields.items())

    def take_more(self, who: str, wanted: int) -> tuple[int, list[tuple[str, str]], TooManyRequests | None]:
        """Count up to this many further writes of a request that was admitted as one.

        Returns how many of them may be made, the header fields of `take`, and the error for the others.
        """
        item = self._items.get("writes")
        if item is None:
            return wanted, [], None
        taken, window = self._ask(lambda limiter: _hit_up_to(limiter, item, ("writes", who), wanted))
        fields = _fields(item, "writes", window)
        return taken, list(fields.items()), None if taken == wanted else _too_many(item, "writes", window, {})

    def _ask(self, question: Callable[[RateLimiter], T]) -> T:
        """Use Redis, or this process's own counter while Redis is unavailable."""
        if self._shared is not None and clock.monotonic() >= self._alone_until:
            try:
                found = question(self._shared)
            except StorageError as error:
                self._failures.failed(error)
                self._alone_until = clock.monotonic() + AGAIN_SECONDS
            else:
                self._failures.recovered()
                return found
        return question(self._alone)


def _hit(limiter: RateLimiter, item: RateLimitItem, who: tuple[str, ...]) -> tuple[bool, WindowStats]:
    return limiter.hit(item, *who), limiter.get_window_stats(item, *who)


def _hit_up_to(limiter: RateLimiter, item: RateLimitItem, who: tuple[str, ...], wanted: int) -> tuple[int, WindowStats]:
    """As many as remain. The remainder is rounded, so that one of them may be refused."""
    left = min(wanted, limiter.get_window_stats(item, *who).remaining)
    taken = next((cost for cost in (left, left - 1) if cost > 0 and limiter.hit(item, *who, cost=cost)), 0)
    return taken, limiter.get_window_stats(item, *who)


def _seconds(window: WindowStats) -> int:
    return max(1, math.ceil(window.reset_time - clock.unix_seconds()))


def _fields(item: RateLimitItem, kind: str, window: WindowStats) -> dict[str, str]:
    left = f'"{kind}";r={window.remaining};t={_seconds(window)}'
    return {"RateLimit-Policy": f'"{kind}";q={item.amount};w={item.get_expiry()}', "RateLimit": left}


def _too_many(item: RateLimitItem, kind: str, window: WindowStats, fields: dict[str, str]) -> TooManyRequests:
    seconds = _seconds(window)
    sentence = f"More than {item.amount} {kind} a {item.GRANULARITY.name}. Try again in {seconds} s."
    return TooManyRequests(sentence, seconds, fields)


def _shared(url: str) -> RateLimiter:
    # Only here: most installations have no Redis, and its client takes 0.2 s of each start.
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    options = {"socket_timeout": REDIS_SECONDS, "socket_connect_timeout": REDIS_SECONDS, "retry": Retry(NoBackoff(), 0)}
    return SlidingWindowCounterRateLimiter(storage_from_string(url, wrap_exceptions=True, **options))  # type: ignore[arg-type]
