"""Joins ES modules into one script, so that a page asks for one file instead of a dozen.

Each module becomes a function that is called once, after those that it imports. It is no bundler: it knows the forms of
import and export that the modules in `static/` use, and refuses every other at the start of the process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

import rjsmin

Read = Callable[[str], str]
"""The text of a module by its name, such as `vendor/idiomorph/idiomorph.min.js`; raises KeyError if there is none."""

ALL = re.compile(r'^import \* as (?P<alias>[\w$]+) from "(?P<path>\.[^"]+)";$', re.MULTILINE)
SOME = re.compile(r'^import \{(?P<names>[^{}]*)\} from "(?P<path>\.[^"]+)";$', re.MULTILINE)
BARE = re.compile(r'^import "(?P<path>\.[^"]+)";$', re.MULTILINE)
DECLARED = re.compile(r"^export (?=(?:(?:async )?function\*?|const|class) (?P<name>[\w$]+))", re.MULTILINE)
TAKEN_APART = re.compile(r"^export (?=const \{(?P<names>[^{}]*)\} =)", re.MULTILINE)
LISTED = re.compile(r"^export \{(?P<names>[^{}]*)\};?$", re.MULTILINE)
OTHER = re.compile(r"^[ \t]*(?:import\b(?!\s*\()|export\b).*", re.MULTILINE)


def joined(names: tuple[str, ...], read: Read) -> str:
    """One script that does what these modules do; raises ValueError for what it cannot join."""
    order: list[str] = []
    for name in names:
        _visit(name, read, order, ())
    script: str = rjsmin.jsmin("".join(_as_function(name, read(name), order) for name in order))
    return script


def imports_of(name: str, source: str) -> list[str]:
    """The names of the modules that this one imports, in its order; not of those that it imports when it needs them."""
    found = [(match.start(), match["path"]) for form in (ALL, SOME, BARE) for match in form.finditer(source)]
    return [_resolved(name, path) for _, path in sorted(found)]


def _visit(name: str, read: Read, order: list[str], above: tuple[str, ...]) -> None:
    if name in above:
        raise ValueError(f"{' → '.join((*above, name))}: modules that import each other cannot be joined.")
    if name in order:
        return
    for one in imports_of(name, read(name)):
        _visit(one, read, order, (*above, name))
    order.append(name)


def _as_function(name: str, source: str, order: list[str]) -> str:
    def variable(path: str) -> str:
        return f"$m{order.index(_resolved(name, path))}"

    text = ALL.sub(lambda one: f"const {one['alias']} = {variable(one['path'])};", source)
    text = SOME.sub(lambda one: f"const {{{_renamed(one['names'])}}} = {variable(one['path'])};", text)
    text = BARE.sub("", text)
    exported = list(_exported(text))
    for form in (DECLARED, TAKEN_APART, LISTED):
        text = form.sub("", text)
    if wrong := OTHER.search(text):
        raise ValueError(f"{name}: `{wrong[0].strip()}` cannot be joined.")
    return f"const $m{order.index(name)} = (() => {{\n{text.strip()}\nreturn {{ {', '.join(exported)} }};\n}})();\n"


def _exported(text: str) -> Iterator[str]:
    """What a module exports, as members of an object."""
    for match in DECLARED.finditer(text):
        yield match["name"]
    for match in TAKEN_APART.finditer(text):
        yield from (name.strip() for name in match["names"].split(",") if name.strip())
    for match in LISTED.finditer(text):
        for inner, outer in _pairs(match["names"]):
            yield f"{outer}: {inner}" if outer else inner


def _renamed(names: str) -> str:
    """`{ a as b }` of an import, as it is taken from an object."""
    return ", ".join(f"{name}: {alias}" if alias else name for name, alias in _pairs(names))


def _pairs(names: str) -> Iterator[tuple[str, str]]:
    for one in filter(None, map(str.strip, names.split(","))):
        name, _, alias = one.partition(" as ")
        yield name.strip(), alias.strip()


def _resolved(name: str, path: str) -> str:
    """The name of the module that `name` calls `path`."""
    parts: list[str] = []
    for part in (PurePosixPath(name).parent / path).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
