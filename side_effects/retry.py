"""The decision about a side effect after an attempt: made here by pure functions, carried out elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

MINUTE, HOUR = 60.0, 3600.0

DURABLE = (5, 30, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR, 24 * HOUR)
"""Seconds before each further attempt at effects that leave the service: about three days in all, so that a weekend
without an operator loses nothing."""

INTERNAL = (1, 5, 30, 2 * MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, 24 * HOUR)
"""The same for internal effects that failed at their first attempt: mostly a bug, which a new version fixes."""

JITTER = 0.2
"""Delays vary by this share, so that effects that failed together are not retried together."""

MAX_RETRY_AFTER_SECONDS = 24 * HOUR
"""A destination may ask for a pause, but not for ever."""

MAX_CRASHES = 5
"""Attempts that ended with their process before a side effect is considered poisoned."""

ERROR_CHARACTERS = 500


Verdict = Literal["nothing", "good", "bad", "refused"]
"""What an attempt says about its destination, for the circuit. A fault of the message is not a fault of the
destination: it says nothing, or even good, since the destination responded. `refused` is a destination that would
refuse every message alike."""

USUAL: dict[str, Verdict] = {
    "succeeded": "good",
    "retry": "bad",
    "dead": "nothing",
    "later": "nothing",
    "superseded": "nothing",
}


@dataclass(frozen=True)
class Outcome:
    """How one attempt ended: the outcome for the message, and separately for the circuit.

    There are exactly three: it succeeded, it should be retried, or it can never succeed. Two more say that the
    destination was not called: it is not due until `later`, or not at all any more, since something `superseded` it.
    """

    kind: Literal["succeeded", "retry", "dead", "later", "superseded"]
    reason: str = ""
    retry_after: float | None = None
    """Seconds for which the destination asked for a pause; or until it is due, if that is later."""

    error: BaseException | None = None
    circuit: Verdict | None = None
    """The verdict for the circuit; None for the usual one of this kind of outcome."""

    @property
    def verdict(self) -> Verdict:
        """The verdict for the circuit."""
        return self.circuit or USUAL[self.kind]


SUCCEEDED = Outcome("succeeded")


class Undeliverable(Exception):
    """Raised by code that is called for a side effect: it can never succeed. It is dead at once, and the destination's
    circuit counts nothing."""


class DestinationRefused(Exception):
    """Raised by code that is called for a side effect: the destination refuses all calls alike, as with 401 or 403 for
    our key. Its circuit opens at once, and no attempt is spent."""


class Postponed(Exception):
    """Raised by an attempt that found that it must not be made now: nothing was called, no attempt is spent, and the
    row is released for a later claim."""


@dataclass(frozen=True)
class Decision:
    """The row's next status, and for a pending one the seconds until its next attempt."""

    status: Literal["succeeded", "pending", "dead", "superseded"]
    delay: float = 0.0


def spent(outcome: Outcome, attempts: int, probe: bool) -> int:
    """How many of these attempts count. A refusal of all messages alike does not, and neither does a probe that fails
    because of its destination: one that is down for a weekend is probed ten thousand times. What is not due yet was not
    attempted."""
    through_the_destination = outcome.verdict == "refused" or (probe and outcome.verdict == "bad")
    return attempts - (outcome.kind == "later" or (outcome.kind == "retry" and through_the_destination))


def decide(outcome: Outcome, attempts: int, delays: tuple[float, ...], jitter: float) -> Decision:
    """The decision after attempt number `attempts`; jitter is in [0, 1)."""
    if outcome.kind == "succeeded" or outcome.kind == "superseded":
        return Decision(outcome.kind)
    if outcome.kind == "later":
        return Decision("pending", outcome.retry_after or 0.0)
    if outcome.kind == "dead" or attempts > len(delays):
        return Decision("dead")
    return Decision("pending", delay(outcome.retry_after, attempts, delays, jitter))


def delay(retry_after: float | None, attempts: int, delays: tuple[float, ...], jitter: float) -> float:
    """Seconds until the next attempt: the schedule's ± 20 %, or what the destination asked for."""
    scheduled = delays[attempts - 1] * (1 - JITTER + 2 * JITTER * jitter)
    if retry_after is None:
        return scheduled
    return max(scheduled, min(retry_after, MAX_RETRY_AFTER_SECONDS))


def after_crash(crashes: int) -> Decision:
    """The decision when the process of the attempt has died; `crashes` includes this one."""
    return Decision("dead") if crashes >= MAX_CRASHES else Decision("pending")


def fingerprint(error: str) -> str:
    """The error without its variable parts, so that equal ones can be counted."""
    return re.sub(r"[0-9a-f]{8,}|\d+", "#", error.splitlines()[0] if error else "")[:120]


def failed(error: BaseException) -> Outcome:
    """The outcome of an attempt that raised: a retry, unless the exception says otherwise."""
    if isinstance(error, Undeliverable):
        return Outcome("dead", describe(error), error=error)
    verdict: Verdict = "refused" if isinstance(error, DestinationRefused) else "bad"
    return Outcome("retry", describe(error), error=error, circuit=verdict)


def describe(error: BaseException) -> str:
    """An error as it is stored: its type and text, truncated."""
    return storable(f"{type(error).__name__}: {str(error).strip()}")


def storable(text: str) -> str:
    """A text in a form that PostgreSQL can store, truncated: foreign texts may contain NUL, or invalid bytes."""
    return text.replace("\0", "").encode(errors="replace").decode()[:ERROR_CHARACTERS]
