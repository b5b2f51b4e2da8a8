"""The workflow as one role sees it: status labels, buttons, and the statuses that usually follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from access.principal import Principal
from dashboard import messages
from foundation import clock
from orders.workflow import Workflow


@dataclass(frozen=True)
class StatusLabel:
    """The label of a status for one role."""

    text: str
    tone: str
    icon: str
    closed: bool
    lead: str


class StatusLabels(dict[str, StatusLabel]):
    """By status. The table may have been replaced while orders are, or were, in statuses that no longer exist."""

    def __missing__(self, status: str) -> StatusLabel:
        return StatusLabel(status, "neutral", "circle", False, "")


@dataclass(frozen=True)
class Action:
    """A button: the target status, and the input it needs."""

    to: str
    label: str
    reason: bool
    tracking: bool
    danger: bool
    correction: bool = False
    within: int | None = None
    """For a correction that is possible for a while only: seconds after a change of one's own."""


@dataclass(frozen=True)
class RoleView:
    """The workflow as one role sees it."""

    role: str
    home: str
    labels: Mapping[str, StatusLabel]
    actions: Mapping[str, Mapping[str, Action]]
    """By the order's status, then by the target status."""

    ahead: Mapping[str, list[str]]
    """The statuses that usually follow."""

    usual: list[str]
    """The statuses of an order that meets no obstacle."""

    @classmethod
    def of(cls, workflow: Workflow, role: str) -> RoleView:
        labels = StatusLabels((name, _label(workflow, name, role)) for name in workflow.statuses)
        actions = {name: _actions(workflow, name, role, labels) for name in workflow.statuses}
        ahead = {name: _ahead(workflow, name) for name in workflow.statuses}
        return cls(role, f"/{role}/orders", labels, actions, ahead, [workflow.initial, *ahead[workflow.initial]])

    @property
    def open(self) -> list[str]:
        """The statuses that are not closed, in the table's order."""
        return [name for name, label in self.labels.items() if not label.closed]

    @property
    def closed(self) -> list[str]:
        return [name for name, label in self.labels.items() if label.closed]

    def offered(self, order: Mapping[str, Any]) -> list[Action]:
        """The buttons for this order, the usual one first."""
        actions = self.actions.get(order["status"], {})
        offered = [actions[to] for to in order["allowed_transitions"] if to in actions and not actions[to].correction]
        return sorted(offered, key=lambda action: action.reason)

    def corrections(self, order: Mapping[str, Any], events: Sequence[Mapping[str, Any]], me: Principal) -> list[Action]:
        """The corrections of this order that its reader may make now; `events` is the end of its history."""
        since = _seconds_since_own(events, me)
        allowed = order["allowed_transitions"]
        actions = self.actions.get(order["status"], {}).values()
        return [
            one
            for one in actions
            if one.correction and (since < one.within if one.within is not None else one.to in allowed)
        ]


def _label(workflow: Workflow, name: str, role: str) -> StatusLabel:
    status = workflow.statuses[name]
    lead = status.lead if role == "buyer" else ""
    return StatusLabel(
        status.buyer if role == "buyer" else status.seller, status.tone, status.icon, status.closed, lead
    )


def _actions(workflow: Workflow, source: str, role: str, labels: Mapping[str, StatusLabel]) -> dict[str, Action]:
    corrections = dict(workflow.corrected_to(source, role))
    return {
        to: Action(
            to=to,
            label=messages.verb(workflow, source, to, labels[to].text),
            reason=workflow.needs_reason(source, to),
            tracking=workflow.statuses[to].tracking and to not in corrections,
            danger=labels[to].tone == "red",
            correction=to in corrections,
            within=corrections.get(to),
        )
        for to in [*(to for to in workflow.targets(source, role) if to not in corrections), *corrections]
    }


def _seconds_since_own(events: Sequence[Mapping[str, Any]], me: Principal) -> float:
    """How long ago the reader gave the order its status; for ever if somebody else did."""
    moves = [one for one in events if one["type"] in ("order.status_changed", "order.corrected")]
    if not moves or (moves[-1]["actor"]["role"], moves[-1]["actor"]["id"]) != (me.role, me.id):
        return float("inf")
    return (clock.now() - datetime.fromisoformat(moves[-1]["at"])).total_seconds()


def _ahead(workflow: Workflow, status: str) -> list[str]:
    """The usual path: each status's first transition without a reason, until there is none or the path loops."""
    usual: dict[str, str] = {}
    for one in workflow.transitions:
        if not one.reason:
            usual.setdefault(one.source, one.target)
    ahead: list[str] = []
    while (following := usual.get(ahead[-1] if ahead else status)) and following not in (status, *ahead):
        ahead.append(following)
    return ahead
