"""What becomes of a side effect after an attempt: decided here by pure functions, carried out elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

MINUTE, HOUR = 60.0, 3600.0

DURABLE = (5, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 24 * HOUR)
"""Seconds before each further attempt at what leaves the house: about three days in all, so that a weekend without
anybody at the other end loses nothing."""

INTERNAL = (1, 5, 30, 2 * MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR)
"""The same for what stays inside and failed at its first try: mostly a bug, which a new version mends."""

JITTER = 0.2
"""Delays vary by this share, so that what failed together does not come back together."""

MAX_RETRY_AFTER_SECONDS = 24 * HOUR
"""A destination may ask for patience, not for eternity."""

MAX_CRASHES = 5
"""Attempts that ended with their process before a side effect is taken for poison."""

ERROR_CHARACTERS = 500


Heard = Literal["nothing", "good", "bad", "refused"]
"""What an attempt tells the circuit of its destination. A fault of the message is none of the destination: it says
nothing, or even good, since somebody answered. `refused` is a destination that would refuse every message alike."""

USUAL: dict[str, Heard] = {"succeeded": "good", "retry": "bad", "dead": "nothing"}


@dataclass(frozen=True)
class Outcome:
    """How one attempt ended: what becomes of the message, and apart from that what the circuit hears.

    The set is closed: it succeeded, it is worth a retry, or it never will work.
    """

    kind: Literal["succeeded", "retry", "dead"]
    reason: str = ""
    retry_after: float | None = None
    """Seconds that the destination asked to be left alone for."""

    error: BaseException | None = None
    circuit: Heard | None = None
    """What the circuit hears; None for what is usual of this kind of end."""

    @property
    def heard(self) -> Heard:
        """What the circuit hears."""
        return self.circuit or USUAL[self.kind]


SUCCEEDED = Outcome("succeeded")


class Undeliverable(Exception):
    """Raised by code that is called for a side effect: this one can never be done, whoever tries. It is dead at once,
    and the destination's circuit hears nothing."""


class DestinationRefused(Exception):
    """Raised by code that is called for a side effect: the destination refuses all calls alike, as by 401 or 403 to
    our key. Its circuit opens at once, and no attempt is spent."""


@dataclass(frozen=True)
class Decision:
    """The row's next status, and for a pending one the seconds until its next attempt."""

    status: Literal["succeeded", "pending", "dead"]
    delay: float = 0.0


def spent(outcome: Outcome, attempts: int, probe: bool) -> int:
    """How many of so many attempts count. One that was refused for all messages alike does not, and a probe that fails
    through its destination does not: one that is away for a weekend is probed ten thousand times."""
    through_the_destination = outcome.heard == "refused" or (probe and outcome.heard == "bad")
    return attempts - (outcome.kind == "retry" and through_the_destination)


def decide(outcome: Outcome, attempts: int, delays: tuple[float, ...], jitter: float) -> Decision:
    """What follows from the outcome of attempt number `attempts`; jitter is in [0, 1)."""
    if outcome.kind == "succeeded":
        return Decision("succeeded")
    if outcome.kind == "dead" or attempts > len(delays):
        return Decision("dead")
    return Decision("pending", delay(outcome.retry_after, attempts, delays, jitter))


def delay(retry_after: float | None, attempts: int, delays: tuple[float, ...], jitter: float) -> float:
    """Seconds until the next attempt: the schedule's, give or take a fifth, or what the destination asked for."""
    scheduled = delays[attempts - 1] * (1 - JITTER + 2 * JITTER * jitter)
    if retry_after is None:
        return scheduled
    return max(scheduled, min(retry_after, MAX_RETRY_AFTER_SECONDS))


def after_crash(crashes: int) -> Decision:
    """What follows when the process that made the attempt is gone; `crashes` includes this one."""
    return Decision("dead") if crashes >= MAX_CRASHES else Decision("pending")


def fingerprint(error: str) -> str:
    """The error without what differs from one order to the next, so that equal ones can be counted."""
    return re.sub(r"[0-9a-f]{8,}|\d+", "#", error.splitlines()[0] if error else "")[:120]


def failed(error: BaseException) -> Outcome:
    """The outcome of an attempt that raised: worth another try, unless it said otherwise."""
    if isinstance(error, Undeliverable):
        return Outcome("dead", describe(error), error=error)
    heard: Heard = "refused" if isinstance(error, DestinationRefused) else "bad"
    return Outcome("retry", describe(error), error=error, circuit=heard)


def describe(error: BaseException) -> str:
    """An error as it is kept: its type and text, cut short."""
    return storable(f"{type(error).__name__}: {str(error).strip()}")


def storable(text: str) -> str:
    """A text as PostgreSQL can keep it, cut short: what others say may hold NUL, or bytes that are no character."""
    return text.replace("\0", "").encode(errors="replace").decode()[:ERROR_CHARACTERS]
