"""Templates of the operator's, which replace ours: used first, and checked at the start, each mistake by file and line.

What a template may show is what ours of that name is given. Names are compared; the members of what they stand for are
tried out, by rendering the template with examples in every language.
"""

from __future__ import annotations

import difflib
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, Undefined, meta, nodes
from jinja2.utils import missing

from foundation.languages import LANGUAGES, in_language

STOCK = Path(__file__).resolve().parents[1] / "templates"
EMAIL = "email"
"""The folder of those of e-mails, which are found and checked apart from pages."""

KINDS = (".html", ".txt")


@dataclass(frozen=True)
class TemplateTrial:
    """One rendering with examples."""

    template: str
    values: Mapping[str, Any]
    about: str = ""
    """Of what, such as a status, for the report."""

    parts: Callable[[str], Iterable[str]] = lambda shown: (shown,)
    """What of the result must not be empty."""


@dataclass(frozen=True)
class Folder:
    """A folder with templates of the operator's, and the one with ours that they replace."""

    path: Path
    ours: Path = STOCK

    def email(self) -> Folder:
        """Those of e-mails."""
        return Folder(self.path / EMAIL, self.ours / EMAIL)

    def names(self) -> list[str]:
        return _names(self.path)

    def known(self, name: str, environment: Environment) -> set[str]:
        """The names that our template of this name uses, with those that it extends, includes and imports."""
        known: set[str] = set()
        left, seen = [name], set()
        while left:
            one = left.pop()
            seen.add(one)
            tree = environment.parse((self.ours / one).read_text("utf-8"), one)
            known |= meta.find_undeclared_variables(tree)
            left += [other for other in meta.find_referenced_templates(tree) if other and other not in seen]
        return known | environment.globals.keys()


def problems_of(folder: Folder, environment: Environment, trials: Sequence[TemplateTrial]) -> list[str]:
    """A line for each mistake in this folder's templates; `environment` finds them before ours."""
    names = folder.names()
    problems = [line for name in names for line in _problems_of_names(folder, name, environment)]
    if problems:
        return problems
    found: dict[str, str] = {}
    unknown: list[str] = []
    noting = environment.overlay(undefined=_noting(folder.path, unknown))  # one, since it compiles each template again
    for one in trials:
        for line, about in _problems_of(folder.path, noting, unknown, one) if one.template in names else ():
            found.setdefault(line, about)  # the same mistake comes up in every language
    return [f"{line} ({about})" for line, about in found.items()]


def _names(path: Path) -> list[str]:
    found = (one.relative_to(path) for one in path.rglob("*") if one.suffix in KINDS)
    return sorted(one.as_posix() for one in found if one.parts[0] != EMAIL)


def _problems_of_names(folder: Folder, name: str, environment: Environment) -> Iterator[str]:
    path = folder.path / name
    if name not in (ours := _names(folder.ours)):
        yield f"{path}:1: replaces none of our templates{_meant(name, ours)}."
        return
    try:
        tree = environment.parse(path.read_text("utf-8"), name, str(path))
        environment.compile(path.read_text("utf-8"), name, str(path))
    except TemplateSyntaxError as error:
        yield f"{path}:{error.lineno}: {error.message}"
        return
    except UnicodeDecodeError as error:
        yield f"{path}:1: {error}"
        return
    known = folder.known(name, environment)
    for unknown in sorted(meta.find_undeclared_variables(tree) - known):
        line = next((one.lineno for one in tree.find_all(nodes.Name) if one.name == unknown), 1)
        yield f"{path}:{line}: {unknown} is unknown{_meant(unknown, known)}."


def _meant(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, names, 1)
    return f"; {near[0]} may be meant" if near else ""


def _problems_of(
    folder: Path, environment: Environment, unknown: list[str], trial: TemplateTrial
) -> Iterator[tuple[str, str]]:
    """What comes up while the template is rendered in each language, and with what."""
    for language in LANGUAGES:
        unknown.clear()
        about = " ".join(filter(None, (trial.about, language)))
        with in_language(language):
            try:
                shown = environment.get_template(trial.template).render(trial.values)
            except Exception as error:  # whatever a template may do
                shown = ""
                if not unknown:
                    unknown.append(f"{_place(folder, trial.template, error)}: {error}")
        yield from [(line, about) for line in unknown]
        if not unknown and not all(part.strip() for part in trial.parts(shown)):
            yield f"{folder / trial.template}:1: says nothing of {trial.about or 'anything'}", about


def _noting(folder: Path, unknown: list[str]) -> type[Undefined]:
    """A value that stands for an unknown member, and notes which template of this folder asked for it."""

    class Noting(Undefined):
        def __init__(self, hint: str | None = None, obj: Any = missing, name: str | None = None, *more: Any) -> None:
            super().__init__(hint, obj, name, *more)
            # Pages contain empty forms of their parts, as templates for scripts: those show nothing of anything.
            empty = isinstance(obj, Mapping) and not any(obj.values())
            if obj is not missing and not empty and (place := _asking(folder, sys._getframe(1))):
                unknown.append(f"{place}: {name} is unknown")

    return Noting


def _asking(folder: Path, frame: FrameType | None) -> str:
    """File and line of the template that is being rendered, if it is one of this folder's."""
    while frame is not None:
        if lines := frame.f_globals.get("debug_info"):
            path = frame.f_code.co_filename
            return f"{path}:{_line(lines, frame.f_lineno)}" if Path(path).is_relative_to(folder) else ""
        frame = frame.f_back
    return ""


def _line(debug_info: str, line: int) -> int:
    """The line of the template for one of the code that it was compiled to; Jinja keeps a table `1=10&2=14`."""
    pairs = (one.split("=") for one in debug_info.split("&") if one)
    return max((int(theirs) for theirs, ours in pairs if int(ours) <= line), default=1)


def _place(folder: Path, name: str, error: Exception) -> str:
    """File and line of the template where an exception came from; Jinja puts them into the traceback."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if Path(one.filename).is_relative_to(folder)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else f"{folder / name}:1"
