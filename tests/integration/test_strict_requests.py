"""Nothing repeated, unknown or unread passes in silence: each operation of the contract is tried with each of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from foundation import openapi
from foundation.documentation import SCHEMAS
from foundation.json_body import REPEATED
from foundation.strict_reading import EMPTY, UNCONDITIONAL
from tests.integration.visitor import press_button

DOCUMENT = openapi.committed()
OPERATIONS = [(method, path, operation) for path, method, operation in openapi.operations(DOCUMENT)]
JSON = "application/json"


def body_of(operation: Any) -> Any:
    """The schema of its JSON body and the example; None if it has none."""
    media = operation.get("requestBody", {}).get("content", {}).get(JSON)
    return media and (media["schema"], media["example"])


WITH_A_BODY = [one for one in OPERATIONS if body_of(one[2])]
WITHOUT = [one for one in OPERATIONS if "requestBody" not in one[2]]
WRITES = [one for one in OPERATIONS if one[0] != "get"]


def parameters(operation: Any, place: str) -> dict[str, Any]:
    """Its parameters in this place by name, each with its example."""
    return {one["name"]: one["example"] for one in operation[2].get("parameters", ()) if one["in"] == place}


@pytest.fixture
def ask(app, cast, placed):
    """Send a request to an operation, as somebody who may; its status, and where the problem says that it is."""
    people = {"operator": cast.olive, "service": cast.shop, "seller": cast.bob, "buyer": cast.alice}
    client = app.test_client(use_cookies=False)

    def ask(operation: Any, query: str = "", data: bytes | None = None, **headers: str) -> tuple[int, list[str], str]:
        method, path, _ = operation
        for person in people.values():
            fields = {name.replace("_", "-"): value for name, value in headers.items()}
            fields |= {"Authorization": f"Bearer {person.token}"}
            if data is not None:
                fields = {"Content-Type": JSON} | fields
            where = path
            for name in openapi_names(path):
                where = where.replace(f"{{{name}}}", str(placed["id"]))
            with client.open(where + query, method=method, data=data, headers=fields) as answer:
                if answer.status_code != 403:
                    told = answer.get_json(force=True, silent=True) or {}
                    errors = told.get("errors", [])
                    return answer.status_code, [one["field"] for one in errors], str(errors) + told.get("detail", "")
        raise AssertionError(f"nobody may {method} {path}")

    return ask


def openapi_names(path: str) -> list[str]:
    return [part.split("}")[0] for part in path.split("{")[1:]]


def objects(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where in an example there are objects with members."""
    if isinstance(value, dict) and value:
        yield place
    for name, member in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from objects(member, (*place, name))


def at(value: Any, place: tuple[Any, ...]) -> Any:
    for name in place:
        value = value[name]
    return value


def is_free(schema: Any, place: tuple[Any, ...]) -> bool:
    """Whether the object at this place may have members of any name."""
    for name in place:
        schema = resolved(schema)
        schema = schema["items"] if isinstance(name, int) else schema.get("properties", {}).get(name, {})
    return resolved(schema).get("additionalProperties", True) is not False


def resolved(schema: Any) -> Any:
    shown = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    return DOCUMENT["components"]["schemas"][shown["$ref"].removeprefix(SCHEMAS)] if "$ref" in shown else shown


TWICE = "\ue000"


def with_repeated(example: Any, place: tuple[Any, ...]) -> tuple[bytes, str]:
    """The example with the first member of one of its objects a second time, and where that is."""
    changed = copy.deepcopy(example)
    found = at(changed, place)
    name = next(iter(found))
    found[name + TWICE] = found[name]
    return json.dumps(changed).replace(json.dumps(TWICE)[1:-1], "").encode(), ".".join(map(str, (*place, name)))


def test_a_repeated_member_is_refused_wherever_it_is(ask):
    for operation in WITH_A_BODY:
        _, example = body_of(operation[2])
        for place in objects(example):
            body, where = with_repeated(example, place)
            status, fields, said = ask(operation, data=body)
            assert (422, [where]) == (status, fields), (operation[:2], body)
            assert REPEATED in said


def test_an_unknown_member_is_refused_wherever_it_is(ask):
    for operation in WITH_A_BODY:
        schema, example = body_of(operation[2])
        for place in (one for one in objects(example) if not is_free(schema, one)):
            changed = copy.deepcopy(example)
            at(changed, place)["surprise"] = 1
            status, fields, _ = ask(operation, data=orjson.dumps(changed))
            assert (422, True) == (status, ".".join(map(str, (*place, "surprise"))) in fields), (operation[:2], changed)


def test_a_member_is_the_same_however_it_is_written(placed, cast):
    body = b'{"reason":"a:b","status":"CONFIRMED","st\\u0061tus":"CONFIRMED"}'
    reply = cast.bob.request("PATCH", f"/api/orders/{placed['id']}/status", body)

    assert (422, "status") == (reply.status, reply.json["errors"][0]["field"])
    assert 1 == cast.bob.order(placed["id"])["version"]


def test_an_unknown_parameter_is_refused(ask):
    for operation in OPERATIONS:
        status, fields, _ = ask(operation, "?surprise=1", data=b"{}" if body_of(operation[2]) else None)
        assert (422, True) == (status, "surprise" in fields), operation[:2]


def test_a_repeated_parameter_is_refused(ask):
    """`?status=PENDING&status=SHIPPED` listed the pending ones."""
    for operation in OPERATIONS:
        for name, value in parameters(operation, "query").items():
            if name != "ticket":  # which is a credential, and is refused as such
                one = urlencode({name: value})
                status, fields, said = ask(operation, f"?{one}&{one}")
                assert (422, [name]) == (status, fields), operation[:2]
                assert REPEATED in said


def with_what_it_needs(operation: Any) -> str:
    """The query that it cannot do without."""
    needed = [one for one in operation[2].get("parameters", ()) if one["in"] == "query" and one.get("required")]
    return "?" + urlencode({one["name"]: one["example"] for one in needed}) if needed else ""


def test_a_body_that_nobody_reads_is_refused(ask):
    for operation in WITHOUT:
        query = with_what_it_needs(operation)
        assert (422, ["surprise"]) == ask(operation, query, b'{"surprise":1}')[:2], operation[:2]
        assert 400 == ask(operation, query, b"surprise")[0]
        assert 415 == ask(operation, query, b"a=b", Content_Type="application/x-www-form-urlencoded")[0]


def test_a_body_without_anything_in_it_is_as_good_as_none(ask):
    for operation in (one for one in WITHOUT if one[0] == "get" and one[1] != "/api/stream"):
        query = with_what_it_needs(operation)
        assert ask(operation, query)[0] == ask(operation, query, b"{}")[0], operation[:2]


def test_an_encoded_body_is_refused(ask):
    """It was told that it had to be one JSON object, which it was."""
    for operation in OPERATIONS:
        for coding in ("gzip", "br", "identity, gzip"):
            assert 415 == ask(operation, data=b"\x1f\x8b\x08\x00", Content_Encoding=coding)[0], operation[:2]


def test_who_encodes_is_told_what_would_be_read(app):
    answer = app.test_client().post("/api/orders", data=b"\x1f\x8b\x08\x00", headers={"Content-Encoding": "gzip"})

    assert (415, "identity") == (answer.status_code, answer.headers["Accept-Encoding"])


def test_a_body_in_another_charset_is_refused(ask):
    """It was read as UTF-8 nevertheless."""
    for operation in WITH_A_BODY:
        example = orjson.dumps(body_of(operation[2])[1])
        for type in ("application/json; charset=utf-16", 'application/json;charset="latin1"'):
            assert 415 == ask(operation, data=example, Content_Type=type)[0], operation[:2]


def test_a_part_of_a_body_is_refused(ask):
    for operation in WRITES:
        assert 400 == ask(operation, data=b"{}", Content_Range="bytes 0-1/7")[0], operation[:2]


def test_a_condition_is_checked_or_refused(ask):
    for operation in WRITES:
        for name in {"If-Match", "If-None-Match"} - parameters(operation, "header").keys():
            status, fields, said = ask(operation, data=b"{}", **{name: '"1"'})
            assert (422, [name]) == (status, fields), operation[:2]
            assert UNCONDITIONAL in said


def test_an_empty_condition_or_key_is_refused(ask):
    """What is left of a variable that was not set made the change without the condition."""
    for operation in WRITES:
        for name in {"If-Match", "Idempotency-Key"} & parameters(operation, "header").keys():
            _, example = body_of(operation[2]) or (None, {})
            status, fields, said = ask(operation, data=orjson.dumps(example), **{name: ""})
            assert (422, [name]) == (status, fields), operation[:2]
            assert EMPTY in said


def test_a_query_is_text(cast):
    """It was searched for `%ff`."""
    for query in ("number=%ff", "q=%c3", "q=a%00"):
        assert 400 == cast.bob.get(f"/api/orders?{query}").status
    assert 200 == cast.bob.get("/api/orders?q=%c3%bc").status


def test_a_request_proves_in_one_way_who_sent_it(cast):
    ticket = cast.bob.post("/api/stream-tickets", None).json["ticket"]

    reply = cast.bob.get(f"/api/stream?ticket={ticket}")
    assert (401, "Send a ticket or a token, not both.") == (reply.status, reply.json["detail"])


@pytest.fixture
def page(app, empty):
    client = app.test_client()
    press_button(client, "seller")
    return client


def test_a_field_of_a_form_is_sent_once(page, placed, cast):
    token = page.get("/inbox").text.partition('name="csrf_token" value="')[2].partition('"')[0]
    fields = f"csrf_token={token}&to=CONFIRMED&version=1&key=k"
    answer = page.post(
        f"/orders/{placed['id']}/status",
        data=f"{fields}&to=CANCELLED",
        content_type="application/x-www-form-urlencoded",
        headers={"Accept": "text/html"},
    )

    assert 422 == answer.status_code
    assert f"to: {REPEATED}" in answer.text
    assert "PENDING" == cast.alice.order(placed["id"])["status"]


def test_a_parameter_of_a_page_is_sent_once_and_those_of_others_are_left_alone(page):
    assert 422 == page.get("/inbox?before=1&before=2").status_code
    assert 422 == page.get("/sign-in?next=/a&next=/b").status_code
    assert 200 == page.get("/inbox?utm_source=mail").status_code


def test_reads_that_say_their_position_are_those_that_are_documented(ask, app, cast, placed):
    """A stream from there misses nothing of what was read."""
    client = app.test_client(use_cookies=False)
    wrong = []
    for method, path, operation in OPERATIONS:
        if method == "get" and path != "/api/stream":
            where = path.replace("{order_id}", str(placed["id"]))
            answer = client.get(where, headers={"Authorization": f"Bearer {cast.olive.token}"})
            documented = "Onward-Cursor" in operation["responses"]["200"].get("headers", {})
            if answer.status_code == 200 and documented != ("Onward-Cursor" in answer.headers):
                wrong.append(path)

    assert [] == wrong
