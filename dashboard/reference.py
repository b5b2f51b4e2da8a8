"""`/docs`: the OpenAPI document as a page, made from the document that `/openapi.json` serves."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from flask import Blueprint, render_template
from markupsafe import Markup, escape

from foundation import errors, openapi, schema_forms
from foundation.documentation import SCHEMAS
from foundation.languages import SOURCE, in_language

Schema = Mapping[str, Any]
TICKED = re.compile(r"`([^`]+)`")


def blueprint() -> Blueprint:
    """The page, open to everyone."""
    reference = Blueprint("reference", __name__)
    reference.add_app_template_filter(ticked)

    @reference.get("/docs")
    @functools.cache
    def docs() -> tuple[str, dict[str, str]]:
        with in_language(SOURCE):  # the contract is in English, and is made into a page once
            return _page(), {"Content-Language": SOURCE}

    return reference


def _page() -> str:
    document = openapi.committed()
    return render_template(
        "docs.html",
        info=document["info"],
        tags=_by_tag(document),
        schemas=document["components"]["schemas"],
        catalogue=errors.catalogue(),
        members=members,
        names=names,
        described=described,
        type_of=type_of,
        limits_of=limits_of,
        problems=problems,
        curl=curl,
        pretty=pretty,
    )


def _by_tag(document: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The operations by their tag, each with its path and method."""
    tags: dict[str, list[dict[str, Any]]] = {}
    for path, method, operation in openapi.operations(document):
        tags.setdefault(operation["tags"][0], []).append(operation | {"path": path, "method": method.upper()})
    return tags


def members(schema: Schema) -> Iterator[tuple[str, Schema, bool]]:
    """An object's members: name, schema, and whether it is required."""
    for name, member in schema.get("properties", {}).items():
        yield name, member, name in schema.get("required", ())


def type_of(schema: Schema) -> str:
    """The type of a value as text; a named schema is shown by its name."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(SCHEMAS)
    if "anyOf" in schema:
        return " or ".join(type_of(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"array of {type_of(schema['items'])}"
    return str(schema.get("format") or schema.get("type", "any"))


def names(schema: Schema) -> list[str]:
    """The named schemas of a value."""
    found = [one.get("$ref", "") for one in (schema, *schema.get("anyOf", ()))]
    return [one.removeprefix(SCHEMAS) for one in found if one]


def described(schema: Schema) -> str:
    """The description of a value; for a nullable one it is in the other branch."""
    return next((one["description"] for one in (schema, *schema.get("anyOf", ())) if "description" in one), "")


def limits_of(schema: Schema) -> str:
    """The constraints of a value as text."""
    shown = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    prefixes = {"minimum": "from", "maximum": "to", "pattern": "like", "default": "default"}
    given = {name: value for name, value in shown.items() if value not in (None, schema_forms.TEXT)}
    parts = [f"{prefix} {given[name]}" for name, prefix in prefixes.items() if name in given]
    unit = "characters" if shown.get("type") == "string" else "items"
    for name in ("maxLength", "maxItems"):
        if name in shown:
            low = shown.get(name.replace("max", "min"), 0)
            parts.append(f"{low} to {shown[name]} {unit}")
    return ", ".join(parts)


def problems(operation: Mapping[str, Any]) -> Iterator[type[errors.AppError]]:
    """The errors that an operation may return."""
    yield from (errors.catalogue()[code] for code in operation["x-problems"])


def curl(operation: Mapping[str, Any]) -> str:
    """The operation's example as a command."""
    path = operation["path"]
    for parameter in operation.get("parameters", ()):
        path = path.replace(f"{{{parameter['name']}}}", str(parameter.get("example", "")))
    parts = ["curl"] if operation["method"] in ("GET", "POST") else [f"curl -X {operation['method']}"]
    parts.append(f"http://127.0.0.1:8000{path}")
    if operation.get("security"):
        parts.append('-H "Authorization: Bearer $TOKEN"')
    for media in operation.get("requestBody", {}).get("content", {}).values():
        parts.append(f"--json {shlex.quote(orjson.dumps(media['example']).decode())}")
    return " \\\n  ".join(parts)


def ticked(text: str) -> Markup:
    """Text between backticks, as code."""
    return Markup(TICKED.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  escaped right here


def pretty(example: Any) -> str:
    """An example, pretty-printed."""
    return example if isinstance(example, str) else orjson.dumps(example, option=orjson.OPT_INDENT_2).decode()
