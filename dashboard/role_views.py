"""What one role sees of the workflow table: its words, the buttons it gets, and the way that lies ahead."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard import messages
from orders.workflow import Workflow


@dataclass(frozen=True)
class Word:
    """A status as this reader sees it."""

    word: str
    tone: str
    icon: str
    final: bool
    lead: str


class Words(dict[str, Word]):
    """By status. The table may have been replaced, and orders stand in statuses, or had some, that are gone."""

    def __missing__(self, status: str) -> Word:
        return Word(status, "neutral", "circle", False, "")


@dataclass(frozen=True)
class Action:
    """A button: where the order goes, and what has to be told with it."""

    to: str
    label: str
    reason: bool
    tracking: bool
    danger: bool


@dataclass(frozen=True)
class RoleView:
    """The workflow in the eyes of one role."""

    role: str
    home: str
    words: Mapping[str, Word]
    actions: Mapping[str, Mapping[str, Action]]
    """By the status an order stands in, then by the status it may go to."""

    ahead: Mapping[str, list[str]]
    """The statuses that usually follow."""

    @classmethod
    def of(cls, workflow: Workflow, role: str) -> RoleView:
        words = Words((name, _word(workflow, name, role)) for name in workflow.statuses)
        actions = {name: _actions(workflow, name, role, words) for name in workflow.statuses}
        return cls(
            role, f"/{role}/orders", words, actions, {name: _ahead(workflow, name) for name in workflow.statuses}
        )

    @property
    def open(self) -> list[str]:
        """The statuses in which somebody still has something to do, in the table's order."""
        return [name for name, word in self.words.items() if not word.final]

    @property
    def closed(self) -> list[str]:
        return [name for name, word in self.words.items() if word.final]

    def offered(self, order: Mapping[str, Any]) -> list[Action]:
        """The buttons for this order, the usual one first."""
        actions = self.actions.get(order["status"], {})
        offered = [actions[to] for to in order["allowed_transitions"] if to in actions]
        return sorted(offered, key=lambda action: action.reason)

    def for_scripts(self) -> dict[str, Any]:
        """The same, for the page's module."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name != "role"}


def _word(workflow: Workflow, name: str, role: str) -> Word:
    status = workflow.statuses[name]
    lead = status.lead if role == "buyer" else ""
    return Word(status.buyer if role == "buyer" else status.seller, status.tone, status.icon, status.final, lead)


def _actions(workflow: Workflow, source: str, role: str, words: Mapping[str, Word]) -> dict[str, Action]:
    return {
        to: Action(
            to=to,
            label=messages.verb(workflow, source, to, words[to].word),
            reason=workflow.needs_reason(source, to),
            tracking=workflow.statuses[to].tracking,
            danger=words[to].tone == "red",
        )
        for to in workflow.targets(source, role)
    }


def _ahead(workflow: Workflow, status: str) -> list[str]:
    """The usual way on: each status's first transition that needs no reason, until there is none or it comes back."""
    usual: dict[str, str] = {}
    for one in workflow.transitions:
        if not one.reason:
            usual.setdefault(one.source, one.target)
    ahead: list[str] = []
    while (following := usual.get(ahead[-1] if ahead else status)) and following not in (status, *ahead):
        ahead.append(following)
    return ahead
