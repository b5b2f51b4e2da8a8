"""The life of an order as a table: read from a file, checked at the start, then only asked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

DEFAULT = Path(__file__).with_name("workflow.toml")

ACTORS = ("seller", "buyer", "operator", "service", "system")
"""Who may be named in a transition: the principals' roles, and `system` for what the service does by itself."""

TONES = ("neutral", "blue", "violet", "teal", "green", "amber", "pink", "red")
ICONS = ("circle", "disc", "half", "box", "arrow", "check", "star", "hook", "loop", "cross")


class WorkflowError(Exception):
    """The table cannot be used; the text names the status or the transition."""


@dataclass(frozen=True)
class Status:
    """One status and how it is shown."""

    name: str
    seller: str
    buyer: str
    tone: str
    icon: str
    final: bool = False
    notify: Mapping[str, str] = field(default_factory=dict)
    action: str = ""
    """What the button says that moves an order here."""

    lead: str = ""
    """The buyer's line under the word."""


@dataclass(frozen=True)
class Transition:
    """One move that the table allows."""

    source: str
    target: str
    roles: frozenset[str]
    reason: bool = False
    action: str = ""
    """What the button says, where that is not what the target's status says."""


class Workflow:
    """Which moves there are, for whom, and how each status is called."""

    def __init__(self, initial: str, statuses: Mapping[str, Status], transitions: tuple[Transition, ...]) -> None:
        self.initial = initial
        self.statuses = statuses
        self.transitions = transitions
        _check(self)
        self._sources = self._table(lambda one: one.target, lambda one: one.source)
        self._targets = self._table(lambda one: one.source, lambda one: one.target)
        self._with_reason = {(one.source, one.target) for one in transitions if one.reason}
        self._actions = {(one.source, one.target): one.action for one in transitions if one.action}

    @classmethod
    def load(cls, path: Path = DEFAULT) -> Self:
        """Read a table; raises WorkflowError naming what is wrong with it."""
        try:
            table = tomllib.loads(path.read_text("utf-8"))
            statuses = {name: _status(name, entry) for name, entry in table["statuses"].items()}
            workflow = cls(table["initial"], statuses, tuple(map(_transition, table["transitions"])))
            _check_words(workflow)
            return workflow
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise WorkflowError(f"{path}: {error}") from error
        except KeyError as error:
            raise WorkflowError(f"{path}: {error} is missing") from error
        except WorkflowError as error:
            raise WorkflowError(f"{path}: {error}") from error

    def sources(self, target: str, role: str) -> list[str]:
        """The statuses from which this role may move an order to `target`."""
        return self._sources.get((target, role), [])

    def targets(self, source: str, role: str) -> list[str]:
        """The statuses to which this role may move an order from `source`: its `allowed_transitions`."""
        return self._targets.get((source, role), [])

    def needs_reason(self, source: str, target: str) -> bool:
        return (source, target) in self._with_reason

    def action(self, source: str, target: str) -> str:
        """The verb for this move, or nothing where the table has none."""
        return self._actions.get((source, target)) or self.statuses[target].action

    def always_needs_reason(self, target: str, role: str) -> bool:
        """Whether this role must give a reason for `target` wherever the order stands."""
        sources = self.sources(target, role)
        return bool(sources) and all(self.needs_reason(source, target) for source in sources)

    def _table(self, key: Any, value: Any) -> dict[tuple[str, str], list[str]]:
        table: dict[tuple[str, str], list[str]] = {}
        for transition in self.transitions:
            for role in transition.roles:
                table.setdefault((key(transition), role), []).append(value(transition))
        return table


def _status(name: str, entry: Mapping[str, Any]) -> Status:
    unknown = set(entry) - {"seller", "buyer", "tone", "icon", "final", "notify", "action", "lead"}
    if unknown:
        raise WorkflowError(f"status {name}: {', '.join(sorted(unknown))} is not known")
    for key, choices in (("tone", TONES), ("icon", ICONS)):
        if entry.get(key) not in choices:
            raise WorkflowError(f"status {name}: {key} must be one of {', '.join(choices)}")
    for key in ("seller", "buyer"):
        if not isinstance(entry.get(key), str) or not entry[key]:
            raise WorkflowError(f"status {name}: the {key}'s word is missing")
    notify = entry.get("notify", {})
    if set(notify) - {"seller", "buyer"}:
        raise WorkflowError(f"status {name}: only seller and buyer are notified")
    words = {key: _words(f"status {name}", entry, key) for key in ("action", "lead")}
    return Status(
        name, entry["seller"], entry["buyer"], entry["tone"], entry["icon"], entry.get("final", False), notify, **words
    )


def _transition(entry: Mapping[str, Any]) -> Transition:
    move = f"transition {entry['from']} to {entry['to']}"
    unknown = set(entry) - {"from", "to", "roles", "reason", "action"}
    if unknown:
        raise WorkflowError(f"{move}: {', '.join(sorted(unknown))} is not known")
    roles = frozenset(entry["roles"])
    if not roles or roles - set(ACTORS):
        raise WorkflowError(f"{move}: roles must be among {', '.join(ACTORS)}")
    return Transition(entry["from"], entry["to"], roles, entry.get("reason", False), _words(move, entry, "action"))


def _words(whose: str, entry: Mapping[str, Any], key: str) -> str:
    """A text that may be left out, and says something where it is there."""
    text = entry.get(key)
    if text is not None and (not isinstance(text, str) or not text.strip()):
        raise WorkflowError(f"{whose}: {key} must be a text, or be left out")
    return text or ""


def _check(workflow: Workflow) -> None:
    """Refuse, by name, what no order could live with."""
    names = set(workflow.statuses)
    if workflow.initial not in names:
        raise WorkflowError(f"initial status {workflow.initial} is not among the statuses")
    moves: dict[str, set[str]] = {}
    for one in workflow.transitions:
        for name in (one.source, one.target):
            if name not in names:
                raise WorkflowError(f"transition {one.source} to {one.target}: {name} is not among the statuses")
        if one.target in moves.setdefault(one.source, set()):
            raise WorkflowError(f"transition {one.source} to {one.target} stands twice")
        moves[one.source].add(one.target)
    for name, status in workflow.statuses.items():
        if status.final and moves.get(name):
            raise WorkflowError(f"status {name} is final, and a transition leaves it")
        if not status.final and not moves.get(name):
            raise WorkflowError(f"status {name} is not final, and no transition leaves it")
    unreachable = names - _reachable(workflow.initial, moves)
    if unreachable:
        raise WorkflowError(f"status {', '.join(sorted(unreachable))} cannot be reached from {workflow.initial}")


def _check_words(workflow: Workflow) -> None:
    """Every status is told to somebody, so it has to have the words: templates are missed now, not in the night."""
    for name, status in workflow.statuses.items():
        for side in ("seller",) if name == workflow.initial else ("seller", "buyer"):
            if not status.notify.get(side):
                raise WorkflowError(f"status {name}: notify.{side} is missing, the words the {side} is told it with")


def _reachable(start: str, moves: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    ahead = {start}
    while ahead:
        seen |= ahead
        ahead = set().union(*(moves.get(name, set()) for name in ahead)) - seen
    return seen
