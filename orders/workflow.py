"""The workflow of an order as a table: which transitions exist, for which roles, and the labels of each status.

`orders/workflow_file.py` reads it from a file and validates it at start; here it is only queried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from orders.workflow_notices import Notices

ACTORS = ("seller", "buyer", "operator", "service", "system")
"""Possible roles of a transition: the principals' roles, and `system` for what the service does by itself."""

TONES = ("neutral", "blue", "violet", "teal", "green", "amber", "pink", "red")
ICONS = ("circle", "disc", "half", "box", "arrow", "check", "star", "hook", "loop", "cross")


@dataclass(frozen=True)
class Status:
    """One status and how it is shown."""

    name: str
    seller: str
    buyer: str
    tone: str
    icon: str
    closed: bool = False
    """Whether nothing more happens with the order by itself: it is not open, and no timer leaves the status."""

    tracking: bool = False
    """Whether a change to this status may have tracking data."""

    notify: Mapping[str, str] = field(default_factory=dict)
    action: str = ""
    """The label of the button that changes an order to this status."""

    lead: str = ""
    """The buyer's line under the label."""

    due_seconds: int | None = None
    """How long after it enters this status an order is due to leave it, unless somebody said when."""


@dataclass(frozen=True)
class Transition:
    """A transition that the workflow allows."""

    source: str
    target: str
    roles: frozenset[str]
    reason: bool = False
    action: str = ""
    """The button's label, if it differs from the target status's."""

    after_seconds: int | None = None
    """How long an order stays in the source before the service makes this transition by itself."""

    since_first: bool = False
    """Whether that time begins when the order first had the status, and not when it had it last."""

    correction: bool = False
    """Whether it reverts an earlier one; it may leave a closed status, and needs a reason."""

    reopens: bool = False
    """Whether it may leave a closed status."""

    within_seconds: Mapping[str, int] = field(default_factory=dict)
    """By role: how long after a transition of its own it may still make this correction."""


class Workflow:
    """The transitions, their roles, and the labels of each status."""

    def __init__(
        self,
        initial: str,
        statuses: Mapping[str, Status],
        transitions: tuple[Transition, ...],
        notices: Notices | None = None,
    ) -> None:
        self.initial = initial
        self.statuses = statuses
        self.transitions = transitions
        self.notices = notices or Notices()
        self._sources = _table(transitions, lambda one: one.target, lambda one: one.source)
        self._sources_without_reason = _table(
            [one for one in transitions if not one.reason], lambda one: one.target, lambda one: one.source
        )
        self._targets = _table(
            transitions,
            lambda one: one.source,
            lambda one: one.target,
            lambda one, role: role not in one.within_seconds,
        )
        self._targets_json = {key: orjson.dumps(targets).decode() for key, targets in self._targets.items()}
        self._with_reason = {(one.source, one.target) for one in transitions if one.reason}
        self.corrections: dict[tuple[str, str], dict[str, int | None]] = {}
        for one in transitions:
            for role in one.roles if one.correction else ():
                self.corrections.setdefault((one.target, role), {})[one.source] = one.within_seconds.get(role)
        """By target and role: the statuses from which a change is a correction, and within how many seconds after a
        transition of its own the role may make it; None if at any time."""

        self.timers = {one.source: one for one in transitions if one.after_seconds}
        """By the source status of the timed transition."""

        self._actions = {(one.source, one.target): one.action for one in transitions if one.action}
        self.languages: Mapping[str, Workflow] = {}
        """This table by language."""

    def in_language(self, language: str) -> Workflow:
        """The same table with the texts of this language; itself, if it has only one."""
        return self.languages.get(language, self)

    def sources(self, target: str, role: str, reason: bool = True) -> list[str]:
        """The statuses from which this role may change an order to `target`, with a reason or without one."""
        return (self._sources if reason else self._sources_without_reason).get((target, role), [])

    def targets(self, source: str, role: str) -> list[str]:
        """The statuses to which this role may change an order from `source`, at any time: its `allowed_transitions`.

        A correction that is possible for a while only is not among them: the list is sent, and would be wrong later.
        """
        return self._targets.get((source, role), [])

    def targets_json(self, source: str, role: str) -> str:
        """The same as a JSON array."""
        return self._targets_json.get((source, role), "[]")

    def corrected_to(self, source: str, role: str) -> list[tuple[str, int | None]]:
        """The corrections of an order in `source`: to which status, and within how many seconds."""
        found = (
            (target, one[source]) for (target, by), one in self.corrections.items() if by == role and source in one
        )
        return sorted(found, key=lambda one: list(self.statuses).index(one[0]), reverse=True)

    def is_correction(self, source: str, target: str) -> bool:
        return any(source in one for (to, _), one in self.corrections.items() if to == target)

    def needs_reason(self, source: str, target: str) -> bool:
        return (source, target) in self._with_reason

    def action(self, source: str, target: str) -> str:
        """The button label of this transition, or nothing if the table has none."""
        return self._actions.get((source, target)) or self.statuses[target].action

    def published(self) -> dict[str, Any]:
        """The table as clients get it."""
        shown = ("name", "seller", "buyer", "tone", "icon", "closed", "tracking", "action", "lead", "due_seconds")
        return {
            "initial": self.initial,
            "statuses": [
                # What `closed` was called when no order could leave such a status.
                {name: getattr(one, name) for name in shown} | {"final": one.closed}
                for one in self.statuses.values()
            ],
            "transitions": [
                {
                    "from": one.source,
                    "to": one.target,
                    "roles": [role for role in ACTORS if role in one.roles],
                    "reason": one.reason,
                    "action": self.action(one.source, one.target),
                    "after_seconds": one.after_seconds,
                    "since": ("first" if one.since_first else "last") if one.after_seconds else None,
                    "correction": one.correction,
                    "reopens": one.reopens,
                    "within_seconds": dict(one.within_seconds),
                }
                for one in self.transitions
            ],
        }


def _table(
    transitions: Iterable[Transition],
    key: Callable[[Transition], str],
    value: Callable[[Transition], str],
    counts: Callable[[Transition, str], bool] = lambda _transition, _role: True,
) -> dict[tuple[str, str], list[str]]:
    table: dict[tuple[str, str], list[str]] = {}
    for transition in transitions:
        for role in transition.roles:
            if counts(transition, role):
                table.setdefault((key(transition), role), []).append(value(transition))
    return table
