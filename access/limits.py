"""How often a principal may ask: reads and writes each have a rate, counted in this process.

The generic cell rate algorithm (ITU-T I.371): one number for each principal, the moment until which what was sent is
paid for. It costs about a microsecond, so the hot path can afford it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from foundation import clock
from foundation.errors import TooManyRequests

BURST_SECONDS = 1.0
"""What may come at once: as much as the rate allows in this time."""

REMEMBERED = 50_000
"""Principals whose last requests are remembered; beyond it, those that owe nothing are forgotten."""


@dataclass
class Limits:
    """The rates of one installation, in requests per second; 0 for none."""

    reads: int
    writes: int
    now: Callable[[], float] = clock.monotonic
    _paid: dict[tuple[str, str], float] = field(default_factory=dict)

    def take(self, who: str, reading: bool) -> None:
        """Count one request; raises TooManyRequests when it comes too early."""
        rate = self.reads if reading else self.writes
        if not rate:
            return
        kind = "reads" if reading else "writes"
        now = self.now()
        paid = max(self._paid.get((who, kind), now), now) + 1 / rate
        early = paid - now - BURST_SECONDS
        if early > 1e-9:  # sums of fractions are not exact
            seconds = math.ceil(early)
            raise TooManyRequests(
                f"More than {rate} {kind} a second. Try again in {seconds} s.",
                seconds,
                {"RateLimit-Policy": f'"{kind}";q={rate};w=1', "RateLimit": f'"{kind}";r=0;t={seconds}'},
            )
        if len(self._paid) >= REMEMBERED:
            self._paid = {one: until for one, until in self._paid.items() if until > now}
        self._paid[who, kind] = paid
