"""The workflow as one role sees it: status labels, buttons, and the statuses that usually follow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard import messages
from orders.workflow import Workflow


@dataclass(frozen=True)
class StatusLabel:
    """The label of a status for one role."""

    text: str
    tone: str
    icon: str
    final: bool
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

    @classmethod
    def of(cls, workflow: Workflow, role: str) -> RoleView:
        labels = StatusLabels((name, _label(workflow, name, role)) for name in workflow.statuses)
        actions = {name: _actions(workflow, name, role, labels) for name in workflow.statuses}
        return cls(
            role, f"/{role}/orders", labels, actions, {name: _ahead(workflow, name) for name in workflow.statuses}
        )

    @property
    def open(self) -> list[str]:
        """The statuses that are not final, in the table's order."""
        return [name for name, label in self.labels.items() if not label.final]

    @property
    def closed(self) -> list[str]:
        return [name for name, label in self.labels.items() if label.final]

    def offered(self, order: Mapping[str, Any]) -> list[Action]:
        """The buttons for this order, the usual one first."""
        actions = self.actions.get(order["status"], {})
        offered = [actions[to] for to in order["allowed_transitions"] if to in actions]
        return sorted(offered, key=lambda action: action.reason)

    def for_scripts(self) -> dict[str, Any]:
        """The same, for the page's script."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name != "role"}


def _label(workflow: Workflow, name: str, role: str) -> StatusLabel:
    status = workflow.statuses[name]
    lead = status.lead if role == "buyer" else ""
    return StatusLabel(status.buyer if role == "buyer" else status.seller, status.tone, status.icon, status.final, lead)


def _actions(workflow: Workflow, source: str, role: str, labels: Mapping[str, StatusLabel]) -> dict[str, Action]:
    return {
        to: Action(
            to=to,
            label=messages.verb(workflow, source, to, labels[to].text),
            reason=workflow.needs_reason(source, to),
            tracking=workflow.statuses[to].tracking,
            danger=labels[to].tone == "red",
        )
        for to in workflow.targets(source, role)
    }


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
