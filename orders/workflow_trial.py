"""Replays the stored history through another workflow table: what it would have refused, and whom it would strand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from foundation import sql
from foundation.db import db
from orders.change_sql import MOVES
from orders.workflow import Transition, Workflow

PIECE = 10_000
"""Rows that are read at a time, however many there are."""

SQL = sql.beside(__file__, moves=MOVES)
PAST = SQL.text("past")
BY_STATUS = SQL.text("by_status")
NEWEST = SQL.text("newest")


@dataclass
class Findings:
    """What was found: for each sentence, how often, and the first order."""

    checked: int = 0
    found: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, sentence: str, order_id: int, times: int = 1) -> None:
        """One more of these."""
        count, first = self.found.get(sentence, (0, order_id))
        self.found[sentence] = count + times, first

    @property
    def total(self) -> int:
        return sum(count for count, _ in self.found.values())

    def lines(self) -> Iterator[str]:
        """The sentences, most frequent first."""
        for sentence, (count, first) in sorted(self.found.items(), key=lambda one: (-one[1][0], one[0])):
            yield f"  {count} x {sentence}; the first is order {first}"


class Trial:
    """One table, tried on what has happened."""

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow
        self._transitions = {(one.source, one.target): one for one in workflow.transitions}

    def refused(self) -> Findings:
        """The changes that the table would not have let happen."""
        findings, previous = Findings(), None
        for event in _history():
            findings.checked += event.from_status is not None
            if event.from_status is not None and (why := self._refusal(event, previous)):
                by = f"{event.from_status} to {event.to_status} by {event.actor_role}"
                findings.add(f"{by}: {why}", event.order_id)
            previous = event
        return findings

    def stranded(self) -> Findings:
        """The orders that nobody could move on."""
        findings = Findings()
        left = {one.source for one in self._workflow.transitions if not one.correction}
        newest: int = db.session.execute(NEWEST).scalar_one()
        for start in range(0, newest, PIECE):
            for status, is_open, count, first in db.session.execute(BY_STATUS, {"after": start, "piece": PIECE}):
                findings.checked += count
                if status not in self._workflow.statuses:
                    findings.add(f"{status}: not in the table", first, count)
                elif is_open and status not in left:
                    findings.add(f"{status}: open, and no transition leaves it", first, count)
        return findings

    def _refusal(self, event: Any, previous: Any) -> str:
        """Why the table would have refused this change; empty if it would not."""
        transition = self._transitions.get((event.from_status, event.to_status))
        if transition is None:
            return "no such transition"
        if event.actor_role not in transition.roles:
            return "not for this role"
        if transition.reason and not event.reasoned:
            return "no reason was given"
        return self._too_late(event, transition, previous)

    def _too_late(self, event: Any, transition: Transition, previous: Any) -> str:
        seconds = transition.within_seconds.get(event.actor_role)
        if seconds is None:
            return ""
        if previous is None or previous.order_id != event.order_id or previous.actor != event.actor:
            return "not a change of its own"
        return "" if event.seconds - previous.seconds < seconds else "too late"


def _history() -> Iterator[Any]:
    """Every change of status, order by order, oldest first."""
    at, more = {"order": 0, "version": 0}, True
    while more:
        rows = db.session.execute(PAST, at | {"piece": PIECE}).all()
        yield from rows
        more = len(rows) == PIECE
        if rows:
            at = {"order": rows[-1].order_id, "version": rows[-1].version}
