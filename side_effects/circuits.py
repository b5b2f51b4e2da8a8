"""The circuits of all destinations, shared by all processes through the database.

A call asks before and reports after; nothing is locked across it. A report is a compare-and-set of the row, so two
processes that report failures at the same time count both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from foundation import sql
from foundation.connections import Row, Statement
from foundation.logs import get_logger
from side_effects import circuit
from side_effects.circuit import Circuit
from side_effects.kinds import Kind
from side_effects.retry import Verdict
from side_effects.rows import PACE

log = get_logger(__name__)

RunUpdate = Callable[[Statement, Sequence[Any]], list[Row]]

SQL = sql.beside(__file__)
READ = SQL.prepared("read_circuit")
CREATE = SQL.prepared("create_circuit")
WRITE = SQL.prepared("write_circuit")
NOT_CLOSED = SQL.prepared("circuits_not_closed")

TRIES = 20


class SharedCircuits:
    """Checks circuits and reports calls."""

    def __init__(self, run: RunUpdate) -> None:
        self._run = run
        self._noted: Counter[tuple[str, float, float, bool]] = Counter()
        self._closed_to: set[str] = set()
        self.half_open: list[str] = []
        """Destinations that may be probed now."""

        self.states: dict[str, str] = {}
        """Destinations whose circuit is not closed, as last read; `paused` by an operator."""

    def refresh(self) -> None:
        """Read the circuits, and let those whose time is up be probed."""
        self.states, self.half_open, self._closed_to = {}, [], set()
        for destination, state, paused, due, probes in self._run(NOT_CLOSED, ()):
            if due and not paused:
                state, probes = (
                    self._change(destination, circuit.tick, "its time to be probed has come"),
                    circuit.PROBES,
                )
            self.states[destination] = "paused" if paused else state
            if paused or state == "open":
                self._closed_to.add(destination)
            elif probes > 0:
                self.half_open.append(destination)

    def allows(self, destination: str) -> bool:
        """Whether a call may be made; checked before each one."""
        return destination not in self._closed_to

    def note(self, destination: str, verdict: Verdict, reason: str, kind: Kind) -> None:
        """Report a call. Successes are collected for a moment, failures are recorded at once."""
        cap = kind.longest_cooldown
        if verdict == "refused":
            said = f"it refuses all calls: {reason}"
            state = self._change(destination, lambda now_is, now: circuit.refused(now_is, now, cap), said)
            self._remember(destination, state)
            return
        self._noted[(destination, cap, kind.pace, verdict == "good")] += 1
        if verdict == "bad" or destination in self.states:
            self.flush(destination)

    def give_back(self, destination: str) -> None:
        """Report a probe that says nothing about its destination."""
        self._change(destination, lambda now_is, _: circuit.given_back(now_is), "")

    def forget(self) -> None:
        """Drop what was collected."""
        self._noted.clear()

    def flush(self, only: str | None = None) -> None:
        """Record what was collected, of one destination or of all."""
        noted = Counter({key: count for key, count in self._noted.items() if only in (None, key[0])})
        for key in noted:
            del self._noted[key]
        for destination, cap, pace in {key[:3] for key in noted}:
            good, bad = noted[(destination, cap, pace, True)], noted[(destination, cap, pace, False)]
            before = self.states.get(destination, "closed")
            state = self._change(
                destination,
                lambda now_is, now, good=good, bad=bad, cap=cap: circuit.note(now_is, good, bad, now, cap),  # type: ignore[misc]
                f"{bad} of {good + bad} calls just failed" if bad else "its probes succeeded",
            )
            if before != "closed" and state == "closed":
                self._run(PACE, (destination, pace))
            self._remember(destination, state)

    def _remember(self, destination: str, state: str) -> None:
        if state == "closed":
            self.states.pop(destination, None)
            self._closed_to.discard(destination)
        else:
            self.states[destination] = state
            if state == "open":
                self._closed_to.add(destination)

    def _change(self, destination: str, change: Callable[[Circuit, float], Circuit], reason: str) -> str:
        """Apply a pure change to the row; returns its new state."""
        for _ in range(TRIES):
            rows = self._run(READ, (destination,))
            if not rows:
                self._run(CREATE, (destination,))
                continue
            *values, version, now = rows[0]
            before = _circuit(values)
            after = change(before, now)
            if after == before or self._write(destination, version, before, after, reason):
                return after.state
        log.warning(
            "circuit.update_abandoned",
            f"Circuit update gave up after {TRIES} concurrent modifications",
            destination=destination,
        )
        return "closed"

    def _write(self, destination: str, version: str, before: Circuit, after: Circuit, reason: str) -> bool:
        moved = after.state != before.state
        window = orjson.dumps(after.window).decode()
        args = (destination, version, after.state, window, after.until, after.cooldown, after.probes, after.passed)
        written = bool(self._run(WRITE, (*args, reason if moved else "")))
        if moved and written:
            _log_change(after.state, destination, reason)
        return written


def _log_change(state: str, destination: str, reason: str) -> None:
    if state == "open":
        log.warning("circuit.opened", "Circuit opened; calls wait", destination=destination, reason=reason)
    elif state == "half-open":
        log.warning("circuit.half_opened", "Circuit half-open; probes are sent", destination=destination, reason=reason)
    else:
        log.warning("circuit.closed", "Circuit closed; calls go out again", destination=destination, reason=reason)


def _circuit(values: list[Any]) -> Circuit:
    state, window, until, cooldown, probes, passed = values
    entries = tuple((int(one[0]), int(one[1]), int(one[2])) for one in orjson.loads(window))
    return Circuit(state, entries, until, cooldown, probes, passed)
