"""The circuit breaker of a destination, as pure functions over a value.

Closed: calls pass, and are counted in slots of five seconds. When at least 10 calls were made in the last five minutes
and half of them failed, it opens: no calls are made for a while. The same applies to the last five to ten seconds
alone: a destination with many successful calls would otherwise have to fail for minutes. A refusal of all calls alike,
such as of our password, opens it at once. Then up to three probes may pass (half-open). One that fails opens it again,
for twice as long up to a cap; three that succeed close it; one that says nothing about the destination, since its
content can never be sent, is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

SLOT_SECONDS = 5
WINDOW_SLOTS = 60
RECENT_SLOTS = 2
FAILURE_THRESHOLD = 0.5
LEAST_CALLS = 10
FIRST_COOLDOWN_SECONDS = 30.0
PROBES = 3
PROBE_SECONDS = 60.0
"""A half-open circuit whose probes were not reported for this long is probed again: their process may be dead."""

State = Literal["closed", "open", "half-open"]


@dataclass(frozen=True)
class Circuit:
    """The state of a destination. Times are seconds since 1970 by the database's clock."""

    state: State = "closed"
    window: tuple[tuple[int, int, int], ...] = ()
    """(slot of five seconds, calls, failures), oldest first."""

    until: float = 0.0
    """When an open circuit may be probed, and when a half-open one is probed again."""

    cooldown: float = 0.0
    """How long it was last open."""

    probes: int = 0
    """Probes that may still start."""

    passed: int = 0
    """Probes that succeeded since it became half-open."""


def note(circuit: Circuit, successes: int, failures: int, now: float, cap: float) -> Circuit:
    """The circuit after these calls; `cap` is the longest cooldown."""
    if circuit.state == "half-open":
        return _after_probes(circuit, successes, failures, now, cap)
    if circuit.state == "open":
        return circuit  # calls that were in progress when it opened say nothing new
    counted = replace(circuit, window=_counted(circuit.window, successes, failures, now))
    recent = tuple(entry for entry in counted.window if entry[0] > int(now // SLOT_SECONDS) - RECENT_SLOTS)
    if failures and (_sick(counted.window) or _sick(recent)):
        return opened(counted, now, cap)
    return counted


def refused(circuit: Circuit, now: float, cap: float) -> Circuit:
    """The circuit after a call that was refused as any other would be."""
    return circuit if circuit.state == "open" else opened(circuit, now, cap)


def given_back(circuit: Circuit) -> Circuit:
    """The circuit after a probe that said nothing about the destination: another may start in its place."""
    if circuit.state != "half-open":
        return circuit
    return replace(circuit, probes=min(PROBES, circuit.probes + 1))


def opened(circuit: Circuit, now: float, cap: float) -> Circuit:
    """Open, for twice as long as the last time in a row."""
    cooldown = min(cap, circuit.cooldown * 2 if circuit.cooldown else FIRST_COOLDOWN_SECONDS)
    return Circuit("open", (), now + cooldown, cooldown)


def tick(circuit: Circuit, now: float) -> Circuit:
    """The circuit at this moment: an open one whose time is up is half-open."""
    if circuit.state != "closed" and now >= circuit.until:
        passed = circuit.passed if circuit.state == "half-open" else 0  # with little traffic, it takes a while
        return replace(circuit, state="half-open", until=now + PROBE_SECONDS, probes=PROBES, passed=passed)
    return circuit


def _after_probes(circuit: Circuit, successes: int, failures: int, now: float, cap: float) -> Circuit:
    if failures:
        return opened(circuit, now, cap)
    passed = circuit.passed + successes
    return Circuit() if passed >= PROBES else replace(circuit, passed=passed)


def _counted(
    window: tuple[tuple[int, int, int], ...], successes: int, failures: int, now: float
) -> tuple[tuple[int, int, int], ...]:
    slot = int(now // SLOT_SECONDS)
    recent = [entry for entry in window if slot - WINDOW_SLOTS < entry[0] < slot]
    current = next((entry for entry in window if entry[0] == slot), (slot, 0, 0))
    return (*recent, (slot, current[1] + successes + failures, current[2] + failures))


def _sick(window: tuple[tuple[int, int, int], ...]) -> bool:
    calls, failed = sum(entry[1] for entry in window), sum(entry[2] for entry in window)
    return calls >= LEAST_CALLS and failed >= FAILURE_THRESHOLD * calls
