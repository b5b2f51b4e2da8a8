"""Load the fixed SQL statements of a module from the `.sql` file beside it, once, when the module is imported.

    -- fragment: lease
    clock_timestamp() + interval '{lease_seconds} s'

    -- name: renew_effects(ids bigint[], owner bigint)
    -- Why this statement is there, and why it is written as it is.
    UPDATE side_effects SET claimed_until = {lease} WHERE id = ANY(:ids) AND owner = :owner

A statement has a name, its parameters and a reason. Parameters with types belong to a prepared statement, where
PostgreSQL sees `$1`; parameters without types belong to SQLAlchemy's text(). `{word}` stands for a fragment above it in
the file, or for a value of the module, such as a number of seconds; other braces are left alone. Comments are whole
lines. Every mistake raises SqlFileError when the module is imported, with file and line.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import TextClause, text

from foundation.connections import Statement

BEGINS = re.compile(r"^-- (name|fragment): *", re.MULTILINE)
NAME = re.compile(r"(?P<name>[a-z]\w*)(?:\((?P<parameters>[^()]*)\))?")
COMMENT = re.compile(r"\s*--")
PLACEHOLDER = re.compile(r"\{([a-z]\w*)\}")
PARAMETER = re.compile(r"(?<![:\w]):([a-z]\w*)")
"""Neither the type of a cast (`::text`) nor the end of a slice (`[1:n]`)."""


class SqlFileError(Exception):
    """A `.sql` file, or a name that a module requests, is wrong: a programming error."""


@dataclass(frozen=True)
class Section:
    """A statement or a fragment of the file, with its placeholders filled."""

    kind: str
    name: str
    parameters: dict[str, str]
    """The type by name; empty in a statement for SQLAlchemy."""
    reason: str
    sql: str
    line: int


class SqlFile:
    """The statements and fragments of one file, by name; `unused` lists those that no module has requested."""

    def __init__(self, path: Path, **values: str | int | float) -> None:
        self.path = path
        self.sections: dict[str, Section] = {}
        self.before: dict[str, str] = {}
        """By the name of a prepared statement: what runs before it, in the same round trip."""

        self._values = {name: str(value) for name, value in values.items()}
        self._taken: set[str] = set()
        for section in self._sections(path.read_text("utf-8")):
            if section.name in self.sections or section.name in self._values:
                raise self._wrong(section.line, f"{section.name} is defined twice")
            self.sections[section.name] = section

    def prepared(self, name: str, before: str = "") -> Statement:
        """The statement, to be prepared under this name; `before` runs in the same round trip (see Statement)."""
        section = self._take("name", name)
        if not all(section.parameters.values()):
            raise self._wrong(section.line, f"a parameter of {name} has no type, so it cannot be prepared")
        numbers = {parameter: f"${number}" for number, parameter in enumerate(section.parameters, 1)}
        self.before[name] = before
        sql = PARAMETER.sub(lambda match: numbers[match[1]], section.sql)
        return Statement(name, tuple(section.parameters.values()), sql, before)

    def text(self, name: str) -> TextClause:
        """The statement, for a session of SQLAlchemy."""
        section = self._take("name", name)
        if any(section.parameters.values()):
            raise self._wrong(section.line, f"a parameter of {name} has a type, so it is to be prepared")
        return text(section.sql)

    def fragment(self, name: str) -> str:
        """A fragment, for statements that are composed in Python."""
        return self._take("fragment", name).sql

    def unused(self) -> list[str]:
        """Statements, fragments and values that nobody has used."""
        return sorted({*self.sections, *self._values} - self._taken)

    def _take(self, kind: str, name: str) -> Section:
        section = self.sections.get(name)
        if section is None or section.kind != kind:
            raise SqlFileError(f"{self.path}: no {kind} {name}")
        self._taken.add(name)
        return section

    def _sections(self, content: str) -> Iterator[Section]:
        begins = list(BEGINS.finditer(content))
        ends = [match.start() for match in begins[1:]] + [len(content)]
        for match, end in zip(begins, ends, strict=True):
            line = content.count("\n", 0, match.start()) + 1
            yield self._section(match[1], content[match.end() : end], line)

    def _section(self, kind: str, block: str, line: int) -> Section:
        head = NAME.match(block)
        if head is None:
            raise self._wrong(line, f"{kind} cannot be parsed")
        lines = [one for one in block[head.end() :].splitlines() if one.strip()]
        above = itertools.takewhile(COMMENT.match, lines)
        reason = " ".join(COMMENT.sub("", one).strip() for one in above)
        code = "\n".join(one for one in lines if not COMMENT.match(one)).strip().removesuffix(";")
        sql = PLACEHOLDER.sub(lambda match: self._fill(match[1], line), code)
        words = [one.strip().partition(" ") for one in (head["parameters"] or "").split(",") if one.strip()]
        parameters = {word: kind.strip() for word, _, kind in words}
        if kind == "name":
            self._check(head["name"], parameters, reason, sql, line)
        return Section(kind, head["name"], parameters, reason, sql, line)

    def _check(self, name: str, parameters: dict[str, str], reason: str, sql: str, line: int) -> None:
        if not sql or not reason:
            raise self._wrong(line, f"{name} needs {'a reason' if sql else 'a statement'}")
        if differ := parameters.keys() ^ set(PARAMETER.findall(sql)):
            raise self._wrong(line, f"{name} and its list of parameters differ in {', '.join(sorted(differ))}")

    def _fill(self, name: str, line: int) -> str:
        self._taken.add(name)
        if name in self._values:
            return self._values[name]
        if name in self.sections and self.sections[name].kind == "fragment":
            return self.sections[name].sql
        raise self._wrong(line, f"unknown placeholder {{{name}}}")

    def _wrong(self, line: int, what: str) -> SqlFileError:
        return SqlFileError(f"{self.path}:{line}: {what}")


LOADED: dict[Path, SqlFile] = {}
"""The files of all imported modules, for `flask sql`."""


def beside(module: str, **values: str | int | float) -> SqlFile:
    """The `.sql` file beside a module; `module` is its `__file__`, `values` are for the placeholders."""
    path = Path(module).with_suffix(".sql")
    LOADED[path] = SqlFile(path, **values)
    return LOADED[path]
