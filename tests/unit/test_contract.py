"""The contract: every route is documented, every error is listed, and a change of either is noticed."""

from __future__ import annotations

import re

import jsonschema_rs
import orjson
import pydantic
import pytest
from jsonschema_rs import Draft202012Validator
from schemathesis.specs.openapi.definitions import OPENAPI_31

from app import build_app
from foundation import openapi
from foundation.contract import Body, Id
from foundation.documentation import SCHEMAS
from foundation.errors import MalformedRequest, catalogue
from foundation.json_body import parse_json
from foundation.problems import OF_HTTP
from foundation.settings import Settings
from orders.schemas import ChangeOrderStatusRequest
from tests.conftest import PROJECT, SECRET

PAGE_BLUEPRINTS = {
    "assets",
    "static",
    "pages",
    "forms",
    "auth",
    "bulk_pages",
    "board",
    "brand",
    "demo",
    "conversations",
    "list",
    "ops_effects_pages",
    "order_forms",
    "ops_pages",
    "view_pages",
    "tracking_page",
    "reference",
    "preference_pages",
    "unsubscribe",
    "support",
    "link_stream",
    "link_status",
    "find_page",
    "settings_pages",
    "shop_page",
    "webhook_pages",
}
"""What is made for people at browsers and is no part of the contract."""

VERBS = (
    "change",
    "create",
    "delete",
    "disable",
    "discard",
    "dryRun",
    "edit",
    "enable",
    "erase",
    "explain",
    "export",
    "get",
    "import",
    "list",
    "mark",
    "redeliver",
    "resend",
    "revoke",
    "rotate",
    "send",
    "set",
    "start",
    "stop",
    "stream",
    "undo",
)

LISTED = re.compile(r"^\| ([0-9]{3}) \| `([a-z_]+)` \| (.*) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def app():
    return build_app(Settings.from_env({"DATABASE_URL": "postgresql://nobody@nowhere/none", "JWT_SECRET": SECRET}))


@pytest.fixture(scope="module")
def operations(app):
    return {(path, method): one for path, method, one in openapi.operations(openapi.document_of(app))}


def test_the_committed_contract_is_the_one_that_is_served(app):
    """`make openapi` writes it anew; what has changed for integrators then stands in the diff."""
    committed = (PROJECT / "docs" / "openapi.json").read_text()

    assert orjson.loads(committed) == orjson.loads(openapi.printed(app))


def test_every_route_is_documented(app, operations):
    """A route is added with the blueprint's own decorator and with `documented`; CONTRIBUTING.md shows how."""
    routes = {
        (openapi.parse_rule(rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] not in PAGE_BLUEPRINTS
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert routes == operations.keys()


def test_every_operation_says_what_it_takes_and_answers_by_example(operations):
    without = []
    for name, operation in operations.items():
        answers = [one for status, one in operation["responses"].items() if status < "400"]
        content = [media for one in answers for media in one.get("content", {}).values()]
        asked = list(operation.get("requestBody", {}).get("content", {}).values())
        parameters = operation.get("parameters", [])
        if not operation.get("summary") or not answers or not all("example" in media for media in content + asked):
            without.append(name)
        without += [(*name, one["name"]) for one in parameters if not {"description", "example"} <= one.keys()]

    assert [] == without


def test_the_document_says_whose_it_is_and_where_it_holds(app, operations):
    document = openapi.document_of(app)

    assert document["servers"]
    assert document["info"]["license"]["identifier"]
    assert [] == [one["name"] for one in document["tags"] if not one.get("description")]
    assert [] == [name for name, operation in operations.items() if not operation.get("description")]


def test_a_token_has_one_place_which_is_no_url(app, operations):
    """Generated clients put their token wherever a security scheme says, and URLs are logged by every proxy."""
    schemes = openapi.document_of(app)["components"]["securitySchemes"].values()
    named = {name for operation in operations.values() for one in operation["security"] for name in one}

    assert [("http", "bearer")] == [(one["type"], one["scheme"]) for one in schemes]
    assert {"bearer"} == named


def test_the_examples_can_be_sent_one_after_the_other(operations):
    """A key that was used for one request is refused with another."""
    keys = [
        parameter["example"]
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
        if parameter["name"] == "Idempotency-Key"
    ]

    assert len(keys) == len(set(keys))


def test_every_write_may_be_repeated_with_a_key(operations):
    """But an import, which may be repeated without one: each of its lines has an id; and a test event, which changes
    nothing."""
    without = [
        name
        for name, operation in operations.items()
        if name[1] in ("post", "patch")
        and operation["operationId"] not in ("importOrders", "sendTestEvent")
        and "Idempotency-Key" not in [parameter["name"] for parameter in operation.get("parameters", [])]
    ]

    assert [] == without


def test_an_operation_has_a_name_of_its_own(operations):
    names = [operation["operationId"] for operation in operations.values()]

    assert len(names) == len(set(names))


def test_an_operation_is_a_verb_with_its_noun(operations):
    """Generated clients import it by its bare name, where `me` or `live` says nothing."""
    names = [operation["operationId"] for operation in operations.values()]

    assert [] == [name for name in names if not re.fullmatch(rf"({'|'.join(VERBS)})([A-Z][a-z]+)+", name)]


def test_a_schema_is_named_by_what_it_is(app, operations):
    """A body by its operation, a collection as a page or a list, and everything else is a noun."""
    schemas = openapi.document_of(app)["components"]["schemas"]
    bodies = {
        operation["operationId"]: media["schema"]["$ref"].removeprefix(SCHEMAS)
        for operation in operations.values()
        for media in operation.get("requestBody", {}).get("content", {}).values()
        if "$ref" in media["schema"]
    }
    wanted = {name: name[0].upper() + name[1:] + "Request" for name in bodies}
    wanted["dryRunOrderStatusChange"] = wanted["changeOrderStatus"]
    pages = {name for name, schema in schemas.items() if "next_cursor" in schema.get("properties", ())}
    lists = {
        name
        for name, schema in schemas.items()
        if name not in wanted.values()
        and [one.get("type") for one in schema.get("properties", {}).values()] == ["array"]
    }

    assert wanted == bodies
    assert pages == {name for name in schemas if name.endswith("Page")}
    assert lists == {name for name in schemas if name.endswith("List")}
    assert [] == [name for name in schemas if name.endswith(("In", "Out", "Answer", "Body"))]


def test_the_document_is_valid_openapi(app):
    document = openapi.document_of(app)
    schemas = document["components"]["schemas"]

    assert [] == [error.message for error in Draft202012Validator(OPENAPI_31).iter_errors(document)]
    assert [] == [name for name, schema in schemas.items() if not jsonschema_rs.meta.is_valid(schema)]


def test_the_document_refers_only_to_what_it_holds(app):
    text = openapi.printed(app)
    components = orjson.loads(text)["components"]

    for kind, name in re.findall(r'"#/components/(\w+)/([^"]+)"', text):
        assert name in components[kind]


def test_a_problem_is_described_once(app, operations):
    """Generators make a class of each schema, and of one inside an operation another class for each operation."""
    document = openapi.document_of(app)
    answers = [one for operation in operations.values() for one in operation["responses"].items()]
    shown = [
        code
        for response in document["components"]["responses"].values()
        for media in response["content"].values()
        for code in media["examples"]
    ]

    assert [] == [answer for status, answer in answers if status >= "400" and answer.keys() != {"$ref"}]
    assert len(shown) == len(set(shown))
    assert set(shown) == {code for operation in operations.values() for code in operation["x-problems"]}
    assert orjson.dumps(document["paths"]).count(b'"allOf"') == 0


def test_an_unknown_code_breaks_no_client(app):
    """An enum is closed: generated clients raise for a code that was added later."""
    code = openapi.document_of(app)["components"]["schemas"]["Problem"]["properties"]["code"]

    assert list(catalogue()) == code["x-extensible-enum"]
    assert {"enum", "const"}.isdisjoint(code)


def test_every_code_has_its_status_and_its_meaning(app):
    """Clients make a class of each, and five are in no response: `request_timeout` is the server's own."""
    codes = openapi.document_of(app)["components"]["schemas"]["Problem"]["properties"]["code"]["x-codes"]

    assert {code: one.status for code, one in catalogue().items()} == {
        code: one["status"] for code, one in codes.items()
    }
    assert [] == [code for code, one in codes.items() if not one["summary"].endswith(".")]


def test_no_default_makes_a_member_of_a_body_required(app):
    """TypeScript's types require a member that has a default: `{status: "CONFIRMED"}` did not compile."""
    schemas = openapi.document_of(app)["components"]["schemas"]
    members = [(name, member) for name, one in schemas.items() for member in one.get("properties", {}).values()]

    assert [] == [name for name, member in members if "default" in member and name.endswith("Request")]
    assert [] == [name for name, member in members if member.get("default", "") is None]


def test_every_member_has_a_type(app):
    """A free object is one that every client has to describe for itself."""
    schemas = openapi.document_of(app)["components"]["schemas"]
    free = [
        (name, member)
        for name, schema in schemas.items()
        for member, one in schema.get("properties", {}).items()
        for part in (one, one.get("items", {}), *one.get("anyOf", ()))
        if part.get("type") == "object" and not (isinstance(part.get("additionalProperties"), dict))
    ]

    assert [] == free


def bodies(model=Body):
    """Every model of a body, with all that it consists of."""
    for one in model.__subclasses__():
        yield one
        yield from bodies(one)


def test_an_integer_may_be_written_with_a_point():
    """`1.0` is an integer in JSON Schema, and what some languages send for one."""
    taken, refused = set(), set()
    for name, field in (
        (f"{body.__name__}.{name}", field) for body in bodies() for name, field in body.model_fields.items()
    ):
        adapter = pydantic.TypeAdapter(field.rebuild_annotation())
        schema = adapter.json_schema()
        if "integer" in {one.get("type") for one in (schema, schema.get("items", {}), *schema.get("anyOf", ()))}:
            try:
                adapter.validate_json(b"[1.0]" if schema.get("type") == "array" else b"1.0", strict=True)
                taken.add(name)
            except pydantic.ValidationError:
                refused.add(name)

    assert set() == refused
    assert {"OrderItem.unit_price_minor", "OrderStatusChange.version", "DeadLetterSelection.ids"} <= taken


def test_an_integer_that_a_float_cannot_tell_from_another_is_refused():
    for text in (b"9007199254740992", b"9007199254740992.0", b"9007199254740994.0", b"1.5", b"1e300", b"true", b'"1"'):
        with pytest.raises(pydantic.ValidationError):
            pydantic.TypeAdapter(Id).validate_json(text, strict=True)


def test_every_error_is_listed_in_the_documentation_with_its_meaning(app):
    listed = LISTED.findall((PROJECT / "docs" / "http.md").read_text())

    assert [(str(error.status), code, error.__doc__) for code, error in catalogue().items()] == listed


def test_every_error_explains_itself():
    for code, error in catalogue().items():
        assert error.__doc__, code
        assert error.sentence.endswith((".", "down")), code


def test_what_the_framework_refuses_has_a_code_of_ours():
    assert {404, 405, 408, 413, 414, 415, 417, 429, 431, 501} == set(OF_HTTP)


@pytest.mark.parametrize(
    "body",
    [
        b'{"status": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a":' * 33 + b"1" + b"}" * 33,
        b'{"a": [' + b"[],[]," * 20 + b"[" * 31 + b"]" * 33 + b"}",
        b'{"status": "]]]]]]]]", "reason": ' + b"[" * 33 + b'"' + b'\\"' * 20_000,
    ],
    ids=["arrays", "objects", "after many that end", "a string that never ends"],
)
def test_a_body_is_not_nested_deeply(body):
    with pytest.raises(MalformedRequest, match="nested"):
        parse_json(ChangeOrderStatusRequest, body)


@pytest.mark.parametrize(
    "body",
    [
        rb'{"status": "CANCELLED", "reason": "a\u0000b"}',
        rb'{"status": "CANCELLED", "reason": "a\\\u0000b"}',
        rb'{"status": NaN, "status": "CANCELLED", "reason": "a\u0000b"}',
    ],
    ids=["plain", "behind a backslash", "in what only one parser reads"],
)
def test_a_text_holds_no_nul(body):
    with pytest.raises(MalformedRequest, match="NUL"):
        parse_json(ChangeOrderStatusRequest, body)


def test_six_plain_characters_are_no_nul():
    assert (
        r"a\u0000b" == parse_json(ChangeOrderStatusRequest, rb'{"status": "CANCELLED", "reason": "a\\u0000b"}').reason
    )


def test_brackets_in_a_text_are_text():
    reason = '"[[[[[[[[[[[[[[[[[[[[' * 3

    assert (
        reason == parse_json(ChangeOrderStatusRequest, orjson.dumps({"status": "CANCELLED", "reason": reason})).reason
    )
