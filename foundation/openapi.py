"""The OpenAPI document: what flask-openapi collects from the routes, completed by what is common to all of them.

Security requirements, the errors that any request may get, common headers and examples are added here, from the tree of
errors and from the models.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import click
import orjson
import pydantic
from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.server import Server
from flask_openapi.openapi import OpenAPI
from flask_openapi.utils import parse_rule
from pydantic.json_schema import models_json_schema
from werkzeug.http import generate_etag

from foundation import errors, event_schemas, problem_schema, schema_forms, strict_reading
from foundation.contract import Answer, Body, example_of
from foundation.documentation import HEADERS, SCHEMAS, documented, header_references
from foundation.errors import AppError
from foundation.problem_schema import RATE
from foundation.version import VERSION

DESCRIPTION = """A self-hosted order-status service for marketplaces.

A change is answered as soon as it is durable; its effects (live events, notifications, messages, e-mails, your own
code) happen right afterwards and are never lost. Bodies are JSON, times are RFC 3339 in UTC, ids are integers up to
2^53-1, money is in minor units. Errors are returned as problem details (RFC 9457) with a stable `code`."""

INFO = {
    "title": "Onward",
    "version": VERSION,
    "description": DESCRIPTION,
    "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
    "contact": {"name": "The maintainers of Onward"},
}
SERVERS: list[Server | dict[str, Any]] = [
    {"url": "http://127.0.0.1:8000", "description": "Your installation; this is where `make run` serves."}
]

COMMITTED = Path(__file__).parent.parent / "docs" / "openapi.json"
EVENT_STREAM = "text/event-stream"
METHODS = ("get", "post", "put", "patch", "delete")

ANYWHERE: tuple[type[AppError], ...] = (
    *(errors.MalformedRequest, errors.InvalidRequest, errors.UnsupportedMediaType, errors.BodyTooLarge),
    *(errors.TooManyRequests, errors.InternalError),
    *(errors.ServiceUnavailable, errors.DatabaseBusy),
)
WITH_PARAMETERS = (errors.UriTooLong, errors.HeadersTooLarge)

IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {
        "type": "string",
        "description": "The ETag of your copy; if it is still current, the response is 304 without a body.",
        "examples": ['"3"'],
    },
}


def init_app(app: OpenAPI) -> None:
    """Serve the document at `/openapi.json`, and add `flask openapi`, which prints it, to the command line."""
    tag = {"name": "Documentation", "description": "The contract itself."}
    routes = APIBlueprint("documentation", __name__, abp_tags=[tag])

    @functools.cache
    def compact() -> tuple[bytes, str]:
        text = orjson.dumps(committed())
        return text, generate_etag(text)

    @routes.get(
        "/openapi.json",
        summary="Get this document",
        **documented({"application/json": {"openapi": "3.1.0"}}, headers=("ETag",)),
    )
    def get_openapi_document() -> Response:
        """OpenAPI 3.1, the same as docs/openapi.json of this version."""
        strict_reading.refuse_input()
        text, etag = compact()
        response = Response(text, content_type="application/json")
        response.set_etag(etag)
        response.make_conditional(request)
        return response

    app.register_api(routes)
    app.cli.add_command(click.Command("openapi", callback=lambda: click.echo(printed(app)), help="Print the contract."))


@functools.cache
def committed() -> dict[str, Any]:
    """The document as `make openapi` wrote it, which a test compares with the code.

    Generated on the first request, it blocked a worker's loop for 0.3 s, and in a thread still for 0.1 s.
    """
    document: dict[str, Any] = orjson.loads(COMMITTED.read_bytes())
    return document


def printed(app: OpenAPI) -> str:
    """The document as it is committed."""
    return orjson.dumps(document_of(app), option=orjson.OPT_INDENT_2).decode()


_documents: MutableMapping[OpenAPI, dict[str, Any]] = WeakKeyDictionary()


def document_of(app: OpenAPI) -> dict[str, Any]:
    """The whole document of this application, generated on first use."""
    if app not in _documents:
        _documents[app] = _complete_document(app)
    return _documents[app]


def _complete_document(app: OpenAPI) -> dict[str, Any]:
    document: dict[str, Any] = app.api_doc
    components = document["components"]
    models = _models({"Problem", *components["schemas"]})
    components["schemas"] = _schemas(models)
    names = {
        (parse_rule(rule.rule), method.lower()): rule.endpoint
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    for path, method, operation in operations(document):
        operation["operationId"] = operation_id(names[path, method].rpartition(".")[2])
        # Errors raised by the view's decorators are declared at the view.
        operation["x-problems"] += getattr(app.view_functions[names[path, method]], "problems", ())
        _complete(method, operation, models)
    known = {code for _, _, one in operations(document) for code in one["x-problems"]}
    _add_components(components, [errors.catalogue()[code] for code in known])
    document["webhooks"] = event_schemas.deliveries()
    return document


def _models(wanted: set[str]) -> dict[str, type[pydantic.BaseModel]]:
    """The models that responses and bodies name, those of the members that problems have, and those of events; by
    name."""
    named = {one for one in (*_descendants(Body), *_descendants(Answer)) if one.__name__ in wanted}
    found = sorted({*named, *problem_schema.extensions(), *event_schemas.models()}, key=lambda one: one.__name__)
    if len({model.__name__ for model in found}) < len(found):
        raise TypeError("Two models of the contract have the same name.")
    return {model.__name__: model for model in found}


def _add_components(components: dict[str, Any], known: list[type[AppError]]) -> None:
    """What operations refer to: the responses of these errors with their examples, and the headers that occur."""
    problem_schema.complete_problem(components["schemas"])
    event_schemas.complete_events(components["schemas"])
    components["responses"] = problem_schema.responses(known)
    components["examples"] = problem_schema.examples(known)
    components["headers"] = {
        name: {"description": meaning, "schema": {"type": "string"}, "example": shown}
        for name, (meaning, shown) in HEADERS.items()
        if name != "Allow" or errors.MethodNotAllowed in known
    }


def operation_id(view: str) -> str:
    """The operation's name in generated clients: that of its view, in camel case."""
    first, *others = view.split("_")
    return first + "".join(word.title() for word in others)


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every operation of the document, with its path and method."""
    for path, item in document["paths"].items():
        yield from ((path, method, item[method]) for method in METHODS if method in item)


def _schemas(models: Mapping[str, type[pydantic.BaseModel]]) -> dict[str, Any]:
    """The schemas of our models as pydantic writes them: flask-openapi's own form of them loses members."""
    modes: list[Any] = [
        (model, "validation" if issubclass(model, Body) else "serialization") for model in models.values()
    ]
    _, written = models_json_schema(modes, ref_template=SCHEMAS + "{model}")
    schemas: dict[str, Any] = dict(sorted(written["$defs"].items()))
    schema_forms.tidy(schemas, {model.__name__ for model in _descendants(Body)})
    return schemas


def _descendants(model: type[pydantic.BaseModel]) -> Iterator[type[pydantic.BaseModel]]:
    for child in model.__subclasses__():
        yield child
        yield from _descendants(child)


def _complete(method: str, operation: dict[str, Any], models: Mapping[str, type[pydantic.BaseModel]]) -> None:
    if (
        method == "get"
        and operation.get("security")
        and operation["responses"]["200"].get("content", {}).keys() == {"application/json"}
    ):
        operation.setdefault("parameters", []).append(copy.deepcopy(IF_NONE_MATCH))
        operation["responses"]["304"] = {"description": "Not Modified"}
        operation["x-headers"].append("ETag")
    operation.setdefault("security", [])  # without it, generators take the operation for one that they know nothing of
    for parameter in operation.get("parameters", ()):
        _tidy(parameter)
        if parameter["name"] == "Idempotency-Key":
            # One example for all operations would be refused from the second on: the key was used for another request.
            parameter["example"] = f"{operation['operationId']}-7f3c2a9d"
    operation.get("parameters", []).sort(key=lambda one: ("path", "query", "header").index(one["in"]))
    own = [errors.catalogue()[code] for code in operation.pop("x-problems", ())]
    known = {*_usual(method, operation), *own}
    own_headers, shown = operation.pop("x-headers", ()), operation.pop("x-shown", {})
    responses = {status: one for status, one in operation["responses"].items() if int(status) < 400}
    for response in responses.values():
        response["headers"] = header_references(
            ("X-Request-ID", *own_headers, *(RATE if _is_counted(operation) else ()))
        )
    for holder, more in ((operation.get("requestBody", {}), {}), *((one, shown) for one in responses.values())):
        for kind, media in holder.get("content", {}).items():
            if kind == EVENT_STREAM:
                media["schema"] = {"$ref": SCHEMAS + event_schemas.STREAM}
            model = models.get(media["schema"].get("$ref", "").removeprefix(SCHEMAS))
            if model is not None:
                media["example"] = example_of(model) | more
    operation["responses"] = responses | problem_schema.references(known)
    operation["x-problems"] = [code for code, error in errors.catalogue().items() if error in known]


def _is_counted(operation: Mapping[str, Any]) -> bool:
    """Whether the rate limits apply: to everything protected but streams, which have limits of their own."""
    media = {name for response in operation["responses"].values() for name in response.get("content", ())}
    return bool(operation["security"]) and EVENT_STREAM not in media


def _tidy(parameter: dict[str, Any]) -> None:
    """An optional parameter is not nullable, and its example is placed where readers look for it."""
    schema = parameter["schema"]
    schema_forms.limit_text(schema)
    some = [one for one in schema.pop("anyOf", ()) if one != {"type": "null"}]
    schema.update(*some)
    for name in ("minimum", "maximum"):
        if name in schema:
            schema[name] = int(schema[name])  # flask-openapi writes every minimum as a float
    if "description" in schema:
        parameter["description"] = schema["description"]
    if "examples" in schema:
        parameter["example"] = schema["examples"][0]
    unsaid = {"title", "description", "examples", *(["default"] if schema.get("default") == "" else [])}
    parameter["schema"] = {name: value for name, value in schema.items() if name not in unsaid}


def _usual(method: str, operation: Mapping[str, Any]) -> Iterator[type[AppError]]:
    """The errors that follow from the operation's input."""
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    yield from ANYWHERE
    if operation.get("security"):
        yield from (errors.Unauthorized, errors.Forbidden)
        if method != "get":
            yield errors.CsrfFailed
    if "path" in places:
        yield errors.NotFound
    if places - {"path"}:
        yield from WITH_PARAMETERS
