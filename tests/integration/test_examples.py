"""The documentation's examples: each request is sent to the running application, each response compared."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import orjson
import pytest
from flask import Flask

from foundation import openapi
from foundation.settings import Settings
from operations import schemas
from tests.conftest import PROJECT
from tests.integration.conftest import send_through

RESTING = {"getReadiness": "503", "changeProfile": "403", "undoOrderChange": "409"}
"""Nothing runs in the background of this application, and its answer says so; a token has no profile; and the example
of a change is not held."""

PLAYERS = {
    "changeOrderStatus": "bob",
    "changeOrderStatuses": "bob",
    "undoOrderChange": "bob",
    "dryRunOrderStatusChange": "bob",
    "createOrder": "shop",
    "importOrders": "shop",
    "listNotifications": "bob",
    "markNotificationsRead": "bob",
    "createMessage": "alice",
    "listMessages": "alice",
    "getPreferences": "alice",
    "setPreferences": "alice",
    "streamEvents": "bob",
}
"""Who sends an example; olive, unless something else is said."""

BEFORE = {
    "exportPersonalData": ["setPreferences"],
    "getPreferences": ["setPreferences"],
    "listMessages": ["createMessage"],
    "listCircuits": ["changeCircuit"],
    "listOperatorActions": ["changeCircuit"],
    "listSideEffectsModes": ["setSideEffectsMode"],
    "listJobs": ["startJob"],
    "getJob": ["startJob"],
    "stopJob": ["startJob"],
    "listApiKeys": ["createApiKey"],
    "revokeApiKey": ["createApiKey"],
    "getSellerProfile": ["setSellerProfile"],
    "listPeople": ["createPerson"],
    "listSellerPeople": ["createPerson"],
    "disablePerson": ["createPerson"],
    "enablePerson": ["createPerson", "disablePerson"],
    "revokeSessions": ["createPerson"],
    "deletePerson": ["createPerson"],
    "listViews": ["createView"],
    "changeView": ["createView"],
    "deleteView": ["createView"],
    "resendNotification": ["changeOrderStatus"],
    "undoOrderChange": ["changeOrderStatus"],
    "listBulkChanges": ["startBulkChange"],
    "getBulkChange": ["startBulkChange"],
    "getBulkChangeResults": ["startBulkChange"],
    "stopBulkChange": ["startBulkChange"],
    "listWebhooks": ["createWebhook"],
    "getWebhook": ["createWebhook"],
    "changeWebhook": ["createWebhook"],
    "deleteWebhook": ["createWebhook"],
    "rotateWebhookSecret": ["createWebhook"],
    "redeliverWebhook": ["createWebhook"],
    "sendTestEvent": ["createWebhook"],
    "listWebhookAttempts": ["createWebhook", "sendTestEvent"],
}
"""Whose examples were sent before, besides that of creating an order."""

DEAD_LETTER = """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status, finished_at,
    last_error, fingerprint, attempt_log)
    VALUES (%s, %s, %s, 1, 1, 'dead', now(), %s, %s,
        '[{"attempt":1,"at":"2026-11-24T09:30:01Z","seconds":0.1,"outcome":"dead","error":""}]')"""
OPEN = """WITH opened AS (INSERT INTO circuit_changes (destination, state, reason) VALUES ('mail-server', 'open', ''))
    INSERT INTO circuits (destination, state) VALUES ('mail-server', 'open')"""

OCCASIONAL = {"Preference-Applied", "Onward-Effects", "Link", *openapi.RATE}
"""Headers that come only sometimes."""


class Contract:
    """The document of an application, and what it says about an operation."""

    def __init__(self, app: Flask) -> None:
        self.document = openapi.document_of(app)  # type: ignore[arg-type]
        self.operations = {
            one["operationId"]: (path, method, one) for path, method, one in openapi.operations(self.document)
        }

    def resolved(self, response: Any) -> Any:
        """The response itself, where it is one of those that many operations share."""
        name = response.get("$ref", "").removeprefix("#/components/responses/")
        return self.document["components"]["responses"][name] if name else response

    def wrong(self, schema: Any, value: Any) -> list[str]:
        """What the schema says against a value, with every member named that it does not know."""
        whole = {"$ref": "#/schema", "schema": closed(schema), "components": closed(self.document["components"])}
        validator = jsonschema_rs.Draft202012Validator(whole)
        return [f"{one.instance_path}: {one.message}" for one in validator.iter_errors(value)]


def closed(schema: Any) -> Any:
    """The schema with no room for members that it does not name."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    whole = {name: closed(one) for name, one in schema.items()}
    has_members = isinstance(schema.get("properties"), dict) and "type" in schema and "required" in schema
    return ({"additionalProperties": False} if has_members else {}) | whole


def differences(example: Any, answer: Any, place: str = "") -> list[str]:
    """Where an answer is not like its example: a member is missing, or of another kind. Null may be anything."""
    if example is None or answer is None:
        return []
    if type(example) is not type(answer):
        return [f"{place} is {answer!r}"]
    if isinstance(example, dict):
        missing = [f"{place}.{name} is missing" for name in example.keys() - answer.keys()]
        both = example.keys() & answer.keys()
        return missing + [said for name in both for said in differences(example[name], answer[name], f"{place}.{name}")]
    if isinstance(example, list) and example:
        return differences(example[0], answer[0], f"{place}[0]") if answer else [f"{place} is empty"]
    return []


@pytest.fixture(scope="module")
def contract(app):
    return Contract(app)


def test_every_example_is_what_its_schema_says(contract):
    wrong = {}
    for name, (_, _, operation) in contract.operations.items():
        contents = [operation.get("requestBody", {}), *operation["responses"].values()]
        for media in (media for one in contents for media in one.get("content", {}).values()):
            found = contract.wrong(media["schema"], media["example"])
            wrong |= {name: found} if found else {}

    assert {} == wrong


def test_every_problem_is_what_the_schema_says(contract):
    """Whatever an error adds is a member that the schema names."""
    schema = {"$ref": "#/components/schemas/Problem"}
    examples = contract.document["components"]["examples"]

    assert {} == {code: said for code, one in examples.items() if (said := contract.wrong(schema, one["value"]))}


class World:
    """An application in which nothing has happened, so that the ids are those of the examples."""

    def __init__(self, app: Flask, settings: Settings, contract: Contract, sql: Any) -> None:
        self.app, self.contract, self.cast = app, contract, send_through(app, settings)
        for table in (
            "orders",
            "order_events",
            "messages",
            "notifications",
            "side_effects",
            "api_keys",
            "people",
            "saved_views",
            "bulk_changes",
            "webhook_endpoints",
            "operator_jobs",
        ):
            sql(f"ALTER TABLE {table} ALTER COLUMN id RESTART WITH 1")

    def send(self, name: str) -> Any:
        """The operation's example, as it stands in the documentation."""
        path, method, operation = self.contract.operations[name]
        given = operation.get("parameters", ())
        for parameter in given:
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
        query = {one["name"]: one["example"] for one in given if one["in"] == "query" and one.get("required")}
        body = [(name, media["example"]) for name, media in operation.get("requestBody", {}).get("content", {}).items()]
        person = getattr(self.cast, PLAYERS.get(name, "olive"))
        headers = {"Authorization": f"Bearer {person.token}"}
        content: dict[str, Any] = {}
        if body:
            media, example = body[0]
            content = {"data": example if isinstance(example, str) else orjson.dumps(example), "content_type": media}
        return self.app.test_client().open(path, method=method, headers=headers, query_string=query, **content)


@pytest.fixture
def world(app, settings, outbox, contract, sql, operation_id):
    ((newest,),) = sql("SELECT last_value FROM api_keys_id_seq")
    world = World(app, settings, contract, sql)
    if operation_id != "createOrder":
        world.send("createOrder")
    outbox.run_until_idle()
    sql(DEAD_LETTER, schemas.KIND, schemas.DESTINATION, schemas.EVENT_TYPE, schemas.ERROR, schemas.FINGERPRINT)
    if operation_id == "getServiceHealth":
        sql(OPEN)
    yield world
    # No number of a key is given twice: the process remembers which were revoked.
    sql("SELECT setval('api_keys_id_seq', greatest(last_value, %s)) FROM api_keys_id_seq", newest)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each operation of the committed document."""
    if "operation_id" in metafunc.fixturenames:
        text = (PROJECT / "docs" / "openapi.json").read_bytes()
        names = [one["operationId"] for _, _, one in openapi.operations(orjson.loads(text))]
        metafunc.parametrize("operation_id", names)


def test_an_example_is_answered_as_documented(contract, world, operation_id):
    _, _, operation = contract.operations[operation_id]
    for earlier in BEFORE.get(operation_id, ()):
        world.send(earlier)
    status = RESTING.get(operation_id, min(operation["responses"]))
    documented = contract.resolved(operation["responses"][status])

    with world.send(operation_id) as answer:
        assert int(status) == answer.status_code, answer.get_data(as_text=True)
        assert documented["headers"].keys() - OCCASIONAL <= set(answer.headers.keys())
        for media, content in documented.get("content", {}).items():
            assert media == answer.mimetype
            if media == "application/json":
                assert [] == contract.wrong(content["schema"], answer.get_json())
                assert [] == differences(content["example"], answer.get_json())
