"""Reads the workflow table from a file, and reports its mistakes by file and line.

All mistakes are reported together. The format is described at the top of `orders/workflow.toml`, the table that is used
if the operator names no other.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import pydantic
from pydantic import Field, StringConstraints, model_validator

from foundation.contract import Body
from foundation.languages import LANGUAGES, SOURCE, in_language
from foundation.settings import SettingsError
from orders import workflow_texts
from orders.workflow import ACTORS, ICONS, TONES, Status, Transition, Workflow
from orders.workflow_notices import (
    CriticalEntry,
    Duration,
    EventEntries,
    Text,
    TextsEntry,
    WaysEntry,
    notices_of,
    seconds_of,
)
from orders.workflow_problems import Place, problems_of
from orders.workflow_texts import problems_of_texts

DEFAULT = Path(__file__).with_name("workflow.toml")

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,49}$")]
AT_LINE = re.compile(r"^(?P<what>.*) \(at line (?P<line>\d+), column \d+\)$")


class WorkflowError(SettingsError):
    """The table cannot be used; `problems` has a line for each mistake: file, line, status or transition, and why."""


class _StatusEntry(Body):
    seller: Text
    buyer: Text
    tone: Literal[*TONES]  # type: ignore[valid-type]
    icon: Literal[*ICONS]  # type: ignore[valid-type]
    closed: bool | None = None
    final: bool | None = None
    """What `closed` was called before."""

    tracking: bool = False
    notify: TextsEntry = TextsEntry()
    ways: WaysEntry = WaysEntry()
    critical: CriticalEntry = CriticalEntry()
    action: Text | None = None
    lead: Text | None = None
    due: Duration | None = None

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if None not in (self.closed, self.final) and self.closed != self.final:
            raise ValueError("closed and final, its former name, contradict each other")
        return self


class _TransitionEntry(Body):
    source: Annotated[Name, Field(alias="from")]
    target: Annotated[Name, Field(alias="to")]
    roles: Annotated[list[Literal[*ACTORS]], Field(min_length=1)]  # type: ignore[valid-type]
    reason: bool = False
    action: Text | None = None
    after: Duration | None = None
    since: Literal["first", "last"] | None = None
    correction: bool = False
    reopens: bool = False
    within: dict[Literal[*ACTORS], Duration] = Field(default_factory=dict)  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        if self.since and not self.after:
            raise ValueError("since says from when a timer counts, and there is no `after`")
        if self.correction and self.after:
            raise ValueError("a correction is made by people, and not `after` a time")
        if self.within and not self.correction:
            raise ValueError("within is for corrections: set `correction = true`")
        if others := self.within.keys() - set(self.roles):
            raise ValueError(f"within: {min(others)} is not among the roles")
        return self


class _Table(Body):
    initial: Name
    ways: WaysEntry = WaysEntry()
    """Of each side, for what names none."""

    events: EventEntries
    statuses: Annotated[dict[Name, _StatusEntry], Field(min_length=1)]
    transitions: Annotated[list[_TransitionEntry], Field(default_factory=list)]


def load(path: Path | None = None, language: str = SOURCE) -> Workflow:
    """The table in this file, or the built-in one, in this language and with the others; raises WorkflowError."""
    path = path or DEFAULT
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WorkflowError([f"{path}: {error}"]) from error
    try:
        table = tomllib.loads(text)
        if problems := list(problems_of_texts(table)):
            raise _refusal(path, text, problems)
        workflows = {one: _in_language(table, one, language) for one in dict.fromkeys((language, *LANGUAGES))}
    except tomllib.TOMLDecodeError as error:
        match = AT_LINE.match(str(error))
        where = f"{path}:{match['line']}: {match['what']}" if match else f"{path}: {error}"
        raise WorkflowError([where]) from error
    except pydantic.ValidationError as error:
        found = [(one["loc"], _sentence_of(one["loc"], one["msg"], text)) for one in error.errors(include_url=False)]
        raise _refusal(path, text, found) from error
    workflow = workflows[language]
    workflow.languages = workflows
    if problems := list(problems_of(workflow)):
        raise _refusal(path, text, problems)
    return workflow


def _in_language(table: Mapping[str, Any], language: str, otherwise: str) -> Workflow:
    with in_language(language):
        return _workflow(_Table.model_validate(workflow_texts.in_language(table, language, otherwise)))


def _workflow(table: _Table) -> Workflow:
    statuses = {
        name: Status(
            name,
            one.seller,
            one.buyer,
            one.tone,
            one.icon,
            bool(one.closed or one.final),
            one.tracking,
            one.notify.model_dump(exclude_none=True),
            one.action or "",
            one.lead or "",
            seconds_of(one.due) if one.due else None,
        )
        for name, one in table.statuses.items()
    }
    notified = {name: (one.notify, one.ways, one.critical) for name, one in table.statuses.items()}
    notices = notices_of(table.initial, notified, table.events, table.ways)
    return Workflow(table.initial, statuses, tuple(map(_transition, table.transitions)), notices)


def _transition(one: _TransitionEntry) -> Transition:
    return Transition(
        one.source,
        one.target,
        frozenset(one.roles),
        one.reason or one.correction,
        one.action or "",
        seconds_of(one.after) if one.after else None,
        one.since == "first",
        one.correction,
        one.reopens,
        {role: seconds_of(duration) for role, duration in one.within.items()},
    )


def _sentence_of(place: Place, why: str, text: str) -> str:
    """A problem of pydantic's as a sentence that names the status or the transition."""
    entry, rest, why = place[:2], place[2:], why.removeprefix("Value error, ")
    match entry:
        case ("statuses", str(name)):
            whose = f"status {name}"
        case ("events", str(name)):
            whose = name
        case ("transitions", int(number)):
            one = tomllib.loads(text)["transitions"][number]
            whose = "transition" + (f" {one.get('from')} to {one.get('to')}" if isinstance(one, dict) else "")
        case _:
            whose, rest = str(place[0]) if place else "the table", ()
    return ": ".join([whose, *([".".join(map(str, rest))] if rest else []), why])


def _refusal(path: Path, text: str, problems: Sequence[tuple[Place, str]]) -> WorkflowError:
    lines = text.splitlines()
    return WorkflowError([f"{path}:{_line_of(place, lines)}: {sentence}" for place, sentence in problems])


def _line_of(place: Place, lines: Sequence[str]) -> int:
    """The line of this location in the table: its own, otherwise the first line of its status or transition."""
    match place:
        case ("statuses", str(name), *keys):
            begin = _find(rf"\s*\[\s*statuses\s*\.\s*[\"']?{re.escape(name)}[\"']?\s*[\].]", lines, 0)
        case ("events", str(name), *keys):
            begin = _find(rf"\s*\[\s*events\s*\.\s*[\"']{re.escape(name)}[\"']\s*\]", lines, 0)
        case ("ways", *keys):
            begin = _find(r"\s*\[\s*ways\s*\]", lines, 0)
        case ("transitions", int(number), *keys):
            begin = 0
            for _ in range(number + 1):
                begin = _find(r"\s*\[\[\s*transitions\s*\]\]", lines, begin)
        case _:
            begin, keys = 0, list(place)
    end = _find(r"\s*\[", lines, begin) or len(lines) + 1
    for depth in range(len(keys), 0, -1):
        key = r"\s*\.\s*".join(re.escape(str(one)) for one in keys[:depth])
        line = _find(rf"\s*{key}\s*[.=]", lines[: end - 1], begin)
        if line:
            return line
    return begin or 1


def _find(pattern: str, lines: Sequence[str], after: int) -> int:
    """The number of the first line after line `after` that starts like this; 0 if there is none."""
    return next((number for number, line in enumerate(lines[after:], after + 1) if re.match(pattern, line)), 0)


BUILT_IN = load()
"""The table of the examples. An installation may have another."""
