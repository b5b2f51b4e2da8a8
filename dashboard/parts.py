"""Answers parts of a page instead of the whole: the macros that draw the page draw each of them alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, request
from markupsafe import Markup

from foundation.errors import InvalidRequest
from foundation.languages import N_

MOST_PARTS = 64
NAME = re.compile(r"([a-z_]{1,40})(?::([A-Za-z0-9_.-]{1,200}))?")
FRAME = "page_parts.html"
"""The parts of every page."""


@dataclass(frozen=True)
class PartName:
    """What `?part=` names: a macro, and its argument, such as the status of a column."""

    name: str
    argument: str | None

    @property
    def macro(self) -> str:
        return f"part_{self.name}"


def wanted() -> list[PartName]:
    """The parts that `?part=a,b:ARGUMENT` asks for, in a GET or in a form's URL; none: the whole page.

    Raises InvalidRequest for too many, and for what is no name of a part.
    """
    given = request.args.get("part", "")
    names = given.split(",") if given else []
    found = [NAME.fullmatch(name) for name in names[: MOST_PARTS + 1]]
    if len(names) > MOST_PARTS or not all(found):
        raise InvalidRequest(N_("There is no such part of the page."))
    return [PartName(match[1], match[2]) for match in found if match]


def render(template: str, names: list[PartName], values: Mapping[str, Any]) -> str:
    """These parts of the page, drawn by the macros `part_<name>` of `<page>_parts.html` or of the frame's.

    Raises InvalidRequest for a part that this page does not have.
    """
    own = template.replace(".html", "_parts.html")  # a page may have none
    modules = [_macros([own, FRAME], values), _macros([FRAME], values)]
    return Markup("\n").join(_drawn(modules, one) for one in names)


def _macros(files: list[str], values: Mapping[str, Any]) -> Any:
    """The macros of the first of these files that there is."""
    context = dict(values)
    current_app.update_template_context(context)
    return current_app.jinja_env.select_template(files).make_module(context)


def _drawn(modules: list[Any], part: PartName) -> Markup:
    for module in modules:
        macro = getattr(module, part.macro, None)
        if macro and bool(macro.arguments) == (part.argument is not None):
            drawn: Markup = macro(part.argument) if macro.arguments else macro()
            return drawn
    raise InvalidRequest(N_("There is no such part of the page."))
