"""The contract as the writers of clients need it: operations, problems, and which schemas are sent and received."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

JSON, TEXT, STREAM = "application/json", "text/plain", "text/event-stream"
METHODS = ("get", "put", "post", "delete", "patch")
KEY = "Idempotency-Key"
SCHEMA_PATH = "#/components/schemas/"
GROUPS = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Missing",
    408: "Unavailable",
    409: "Conflict",
    410: "Expired",
    412: "Stale",
    429: "Unavailable",
}
"""The class that both clients have for problems of a status; others are Invalid, or Unavailable from 500 on."""


@dataclass(frozen=True)
class Parameter:
    """A parameter in the path, the query or a header."""

    name: str
    schema: Schema
    required: bool
    description: str


@dataclass(frozen=True)
class Operation:
    """One operation. `body` and `result` are schemas, or None."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    in_path: tuple[Parameter, ...]
    in_query: tuple[Parameter, ...]
    in_header: tuple[Parameter, ...]
    body: Schema | None
    body_type: str
    result: Schema | None
    result_type: str

    @property
    def keyed(self) -> bool:
        """Whether it takes an Idempotency-Key."""
        return any(one.name == KEY for one in self.in_header)

    @property
    def headers(self) -> tuple[Parameter, ...]:
        """Its headers without the Idempotency-Key."""
        return tuple(one for one in self.in_header if one.name != KEY)

    @property
    def parts(self) -> list[str]:
        """The pieces of the path around its parameters."""
        return re.split(r"\{\w+\}", self.path)


@dataclass(frozen=True)
class Problem:
    """A kind of error."""

    code: str
    status: int
    summary: str

    @property
    def class_name(self) -> str:
        """`illegal_transition` is IllegalTransition."""
        return "".join(part.capitalize() for part in self.code.split("_"))

    @property
    def group(self) -> str:
        """The class that it belongs to by its status."""
        return GROUPS.get(self.status, "Unavailable" if self.status >= 500 else "Invalid")


class Contract:
    """docs/openapi.json."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self.schemas: Mapping[str, Schema] = document["components"]["schemas"]
        self.operations = sorted(self._operations(), key=lambda one: one.id)
        codes = self.schemas["Problem"]["properties"]["code"]["x-codes"]
        self.problems = [Problem(code, one["status"], one["summary"]) for code, one in codes.items()]

    def sent(self) -> list[str]:
        """The schemas that bodies consist of, by name."""
        return sorted(self._reachable(one.body for one in self.operations))

    def received(self) -> list[str]:
        """The schemas that results and problems consist of, by name."""
        return sorted(
            self._reachable([*(one.result for one in self.operations), self.schemas["Problem"]]) | {"Problem"}
        )

    def _operations(self) -> Iterator[Operation]:
        for path, item in self._document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield self._operation(method, path, item[method])

    def _operation(self, method: str, path: str, data: Mapping[str, Any]) -> Operation:
        found: dict[str, list[Parameter]] = {"path": [], "query": [], "header": []}
        for one in data.get("parameters", ()):
            parameter = Parameter(one["name"], one["schema"], one.get("required", False), one.get("description", ""))
            found[one["in"]].append(parameter)
        named = re.findall(r"\{(\w+)\}", path)
        found["path"].sort(key=lambda one: named.index(one.name))
        assert len(named) == len(found["path"]), path
        body_type, body = _media(data.get("requestBody", {}))
        success = next(one for status, one in sorted(data["responses"].items()) if status[0] == "2")
        result_type, result = _media(success)
        return Operation(
            id=data["operationId"],
            method=method.upper(),
            path=path,
            summary=data["summary"],
            description=data.get("description", ""),
            in_path=tuple(found["path"]),
            in_query=tuple(found["query"]),
            in_header=tuple(found["header"]),
            body=body,
            body_type=body_type,
            result=result,
            result_type=result_type,
        )

    def _reachable(self, schemas: Iterable[object]) -> set[str]:
        found: set[str] = set()
        waiting: list[object] = [*schemas]
        while waiting:
            one = waiting.pop()
            if isinstance(one, Mapping):
                name = name_of(one)
                if name and name not in found:
                    found.add(name)
                    waiting.append(self.schemas[name])
                # An example may contain anything, also what looks like a reference.
                waiting += [value for member, value in one.items() if member not in ("example", "examples")]
            elif isinstance(one, list):
                waiting += one
        return found


def _media(data: Mapping[str, Any]) -> tuple[str, Schema | None]:
    """The first media type of a body or a response, and its schema; JSON is preferred."""
    content = data.get("content", {})
    media = JSON if JSON in content else next(iter(content), "")
    return media, content[media].get("schema", {}) if media else None


def name_of(schema: Mapping[str, Any]) -> str:
    """The name of the schema that this one refers to, or nothing."""
    reference = schema.get("$ref")
    return reference.removeprefix(SCHEMA_PATH) if isinstance(reference, str) and SCHEMA_PATH in reference else ""


def alternatives(schema: Schema) -> list[Schema]:
    """The schemas of which one applies; none for a schema without alternatives.

    Members of the outer schema, such as its type, belong to each of them.
    """
    outer = {name: value for name, value in schema.items() if name in ("type", "format")}
    return [outer | dict(one) for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ()))]


def snake(name: str) -> str:
    """`changeOrderStatus` and `If-Match` as Python has them."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


def camel(name: str) -> str:
    """`If-Match` as JavaScript has it."""
    first, *others = re.split(r"[-_]", name)
    return first.lower() + "".join(one.capitalize() for one in others)
