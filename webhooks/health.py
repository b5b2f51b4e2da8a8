"""What an answer means for a delivery and for its endpoint: decided here by pure functions, carried out elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from side_effects.retry import MAX_RETRY_AFTER_SECONDS, SUCCEEDED, Outcome

GONE = 410
SLOW_DOWN = (429, 503)
STEPS = (50, 70, 90, 100)
"""Per cent of the way to being disabled at which an endpoint's owner is notified; at the last one it is disabled."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a call: an answer, or the reason why there was none."""

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    error: str = ""


def judge(answered: Answered, now: float) -> Outcome:
    """The outcome of a delivery: every status but 2xx is tried again, since the next version of a receiver may take it.

    A receiver that asks for a pause is not failing: its endpoint waits, and its circuit counts nothing.
    """
    if answered.status is None:
        return Outcome("retry", answered.error)
    if 200 <= answered.status < 300:
        return SUCCEEDED
    said = f"answered {answered.status}"
    if answered.status == GONE:
        return Outcome("retry", f"{said}: the endpoint was disabled", circuit="nothing")
    if answered.status in SLOW_DOWN and (pause := retry_after(answered.headers, now)) is not None:
        return Outcome("retry", f"{said} and asked for a pause of {pause:.0f} s", pause, circuit="nothing")
    return Outcome("retry", said)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds for which `Retry-After` asks (RFC 9110, section 10.2.3), at most a day; None without a usable one."""
    given = next((value.strip() for name, value in headers.items() if name.lower() == "retry-after"), "")
    if given.isascii() and given.isdigit():
        return min(float(given[:9]), MAX_RETRY_AFTER_SECONDS)
    try:
        moment = parsedate_to_datetime(given).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
    return min(max(0.0, moment - now), MAX_RETRY_AFTER_SECONDS)


def step(failing_seconds: float, disable_after: float, notified: int) -> int | None:
    """The step of which the owner is to be notified now: the highest one that was reached, None if it was notified."""
    share = 100 * failing_seconds / disable_after
    reached = max((one for one in STEPS if share >= one), default=0)
    return reached if reached > notified else None
