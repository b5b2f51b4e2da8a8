"""Each log record has a stable event name, and docs/operating.md explains each of them."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.conftest import PROJECT

PACKAGES = sorted({path.parent for path in PROJECT.glob("*/__init__.py")} - {PROJECT / "tests"})
FILES = [*PROJECT.glob("*.py"), *(path for package in PACKAGES for path in package.rglob("*.py"))]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}
NAME = re.compile(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*")
ROW = re.compile(
    r"^\| `(?P<name>[a-z_.]+)` \| (?P<level>\w+) \| (?P<meaning>\S.*?) \| (?P<action>\S.*?) \|$", re.MULTILINE
)
LOGGING = {"foundation/logs.py", "foundation/db.py", "webhooks/sending.py"}
"""Who may import structlog or logging: the log itself, and who sets the level of a library that talks."""


class Record(NamedTuple):
    """A place in the code that writes one."""

    name: ast.expr | None
    message: ast.expr | None
    level: str
    place: str


@cache
def trees() -> list[tuple[str, ast.Module]]:
    return [(str(path.relative_to(PROJECT)), ast.parse(path.read_text())) for path in FILES]


def of_call(node: ast.Call, place: str) -> Iterator[Record]:
    """`log.warning("name", "message", …)`, or both records of a FailureLog."""
    if isinstance(node.func, ast.Attribute) and is_log(node.func):
        name, message, *_ = [*node.args, None, None]
        yield Record(name, message, node.func.attr.replace("exception", "error"), place)
    elif isinstance(node.func, ast.Name) and node.func.id == "FailureLog":
        pairs = [*node.args, *(one.value for one in node.keywords if one.arg in ("failed", "recovered"))]
        assert [2, 2] == [len(pair.elts) for pair in pairs if isinstance(pair, ast.Tuple)], place
        yield from (Record(*pair.elts, "warning", place) for pair in pairs if isinstance(pair, ast.Tuple))


def is_log(node: ast.Attribute) -> bool:
    base = node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")
    return node.attr in LEVELS and base in ("log", "logger")


def of_dict(node: ast.Dict, place: str) -> Iterator[Record]:
    """A record that is written without the log's help, by the loop itself."""
    given = {
        key.value: value for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
    }
    if {"event", "level", "timestamp"} <= given.keys():
        yield Record(given["event"], given.get("message"), ast.literal_eval(given["level"]), place)


@cache
def records() -> list[Record]:
    """All of them, but those of the log itself: it passes on what it is given."""
    return [one for file, tree in trees() if file != "foundation/logs.py" for one in of_tree(file, tree)]


def of_tree(file: str, tree: ast.Module) -> Iterator[Record]:
    for node in ast.walk(tree):
        place = f"{file}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Call):
            yield from of_call(node, place)
        elif isinstance(node, ast.Dict):
            yield from of_dict(node, place)


def named() -> dict[str, list[Record]]:
    found = defaultdict(list)
    for one in records():
        if isinstance(one.name, ast.Constant) and isinstance(one.name.value, str):
            found[one.name.value].append(one)
    return found


def test_each_record_has_a_literal_name_and_a_message() -> None:
    for one in records():
        assert isinstance(one.name, ast.Constant), f"{one.place}: the event name is not a literal"
        assert NAME.fullmatch(str(one.name.value)), (
            f"{one.place}: {one.name.value} is no package_or_thing.what_happened"
        )
        assert isinstance(one.message, ast.Constant | ast.JoinedStr), f"{one.place}: no message"


def test_nobody_logs_in_another_way() -> None:
    """A method that is passed around, another library or gunicorn's log would be a record without a name."""
    for file, tree in trees():
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom) and file not in LOGGING:
                imported = {getattr(node, "module", None), *(one.name for one in node.names)}
                assert not {"structlog", "logging"} & imported, file
            elif isinstance(node, ast.Attribute) and is_log(node):
                assert id(node) in called, f"{file}:{node.lineno}"
                assert isinstance(node.value, ast.Name), f"{file}:{node.lineno}"
                assert node.value.id == "log", f"{file}:{node.lineno}"


def test_a_name_stands_for_one_event() -> None:
    """Where it is logged at several places, it is said at the same level and in the same words."""
    for name, places in named().items():
        said = {(one.level, ast.dump(one.message) if one.message else "") for one in places}
        assert len(said) == 1, f"{name}: {[one.place for one in places]}"


def test_the_documentation_lists_each_event_with_its_level_meaning_and_action() -> None:
    rows = ROW.findall(Path(PROJECT, "docs/operating.md").read_text())
    levels = {name: places[0].level for name, places in named().items()}

    assert levels == {name: level for name, level, _, _ in rows}
    assert [name for name, *_ in rows] == sorted(levels), "each once, in the order of the alphabet"
