"""The three clients do the same: synchronous Python, asynchronous Python, and JavaScript in Node."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Any

import pytest
from generator.contract import snake
from onward_client import Onward, OnwardError
from onward_client.aio import AsyncOnward

from tests.facts import awaited
from tests.unit.scripted import Reply, scripted
from tests.unit.test_version import PROJECT

HERE = PROJECT / "tests" / "unit"
JAVASCRIPT = PROJECT / "clients" / "javascript" / "src" / "index.js"
CLIENTS = ("python", "asyncio", "javascript")
JSON = {"Content-Type": "application/json"}
NDJSON = {"Content-Type": "application/x-ndjson"}
PROBLEM = {"Content-Type": "application/problem+json", "X-Request-ID": "theirs"}
AT_ONCE = {"Retry-After": "0"}


def ok(body: Any = None, **headers: str) -> Reply:
    return Reply(200, json.dumps(body if body is not None else {}).encode(), JSON | headers)


def refusal(status: int, code: str, headers: dict[str, str] | None = None, **members: Any) -> Reply:
    return Reply(status, json.dumps({"code": code, "status": status} | members).encode(), PROBLEM | (headers or {}))


@dataclass
class Case:
    """A call, the answers, and what has to come of it."""

    operation: str
    args: list[Any]
    replies: list[Reply]
    outcome: dict[str, Any]
    requests: int = 1
    options: dict[str, Any] = field(default_factory=dict)
    patience: float = 20
    timeout: float = 10


BUSY = refusal(503, "service_unavailable", AT_ONCE)
MOVE = {"status": "SHIPPED"}
CASES = {
    "a result has its request's id and its etag": Case(
        "getOrder", [1], [ok({"id": 1}, ETag='"3"', **{"X-Request-ID": "theirs"})],
        {"raw": {"id": 1}, "request_id": "theirs", "etag": '"3"'},
    ),
    "a refused token is replaced": Case("getOrder", [1], [refusal(401, "unauthorized"), ok()], {"raw": {}}, 2),
    "and once only": Case(
        "getOrder", [1], [refusal(401, "unauthorized")], {"error": "Unauthorized", "request_id": "theirs"}, 2
    ),
    "a change is repeated under its key": Case("changeOrderStatus", [1, MOVE], [BUSY, BUSY, ok()], {"raw": {}}, 3),
    "also if its answer was lost": Case("changeOrderStatus", [1, MOVE], [Reply(), ok()], {"raw": {}}, 2),
    "also if it is late": Case(
        "changeOrderStatus", [1, MOVE], [Reply(hangs=True), ok()], {"raw": {}}, 2, timeout=0.3
    ),
    "while the first one is in progress": Case(
        "changeOrderStatus", [1, MOVE], [refusal(409, "idempotency_in_progress", AT_ONCE), ok()], {"raw": {}}, 2
    ),
    "no longer than its patience": Case(
        "changeOrderStatus", [1, MOVE], [refusal(503, "database_busy", {"Retry-After": "60"})],
        {"error": "DatabaseBusy", "group": "Unavailable", "retry_after": 60},
    ),
    "an import that may have been applied is not repeated": Case(
        "importOrders", ["{}"], [BUSY], {"error": "ServiceUnavailable", "status": 503}
    ),
    "one that was not let in is": Case(
        "importOrders", ["{}"], [refusal(429, "too_many_requests", AT_ONCE), Reply(200, b'{"n":1}\n', NDJSON)],
        {"raw": '{"n":1}\n'}, 2,
    ),
    "a PUT is repeated": Case("setSellerProfile", [1, {"name": "Bob"}], [BUSY, ok()], {"raw": {}}, 2),
    "unless it asks for a version, which it may have made itself": Case(
        "setSellerProfile", [1, {"name": "Bob"}], [BUSY], {"error": "ServiceUnavailable"}, options={"ifMatch": '"1"'}
    ),
    "what failed inside is not repeated": Case(
        "getOrder", [1], [refusal(500, "internal_error")], {"error": "InternalError", "group": "Unavailable"}
    ),
    "a known code has its class": Case(
        "changeOrderStatus", [1, MOVE], [refusal(409, "illegal_transition", allowed_transitions=["CANCELLED"])],
        {"error": "IllegalTransition", "group": "Conflict", "members": {"allowed_transitions": ["CANCELLED"]}},
    ),
    "a later one has its status's": Case(
        "getOrder", [1], [refusal(409, "added_later")], {"error": "Conflict", "code": "added_later"}
    ),
    "and so has one with an unlucky name": Case(
        "getOrder", [1], [refusal(404, "constructor")], {"error": "Missing", "code": "constructor"}
    ),
    "a proxy's page is not the service's answer": Case(
        "createOrder", [{}], [Reply(404, b"<h1>nginx</h1>")], {"error": "Missing", "code": "not_understood"}
    ),
    "nor is it with a good status": Case(
        "getOrder", [1], [Reply(200, b"<h1>sign in</h1>", JSON)], {"error": "Unavailable", "code": "not_understood"}
    ),
    "and a page is no order": Case(
        "getOrder", [1], [Reply(200, b"<h1>sign in</h1>", {"Content-Type": "text/html"})], {"code": "not_understood"}
    ),
    "no answer is an error with the id that was sent": Case(
        "getOrder", [1], [Reply()], {"error": "Unavailable", "status": 0, "code": "no_answer"}, patience=0
    ),
    "redirects are not followed, with the token": Case(
        "getOrder", [1], [Reply(302, b"", {"Location": "http://127.0.0.1:1/"})], {"error": "Invalid", "status": 302}
    ),
    "an empty answer is a result": Case("deleteView", [7], [Reply(204)], {"raw": None}),
    "what has not changed is told as such": Case(
        "getOrder", [1], [Reply(304)], {"error": "NotModified"}, options={"ifNoneMatch": '"3"'}
    ),
    "an id is one segment of the path": Case("getOrder", ["a/b?c=%2F&ü #..;x"], [ok()], {"raw": {}}),
    "and what is none is refused": Case("getOrder", [".."], [ok()], {"error": "refused here"}, 0),
    "parameters are quoted": Case(
        "listOrders", [], [ok({"orders": []})], {"raw": {"orders": []}},
        options={"q": "ü&sort=x #1", "late": True, "limit": 5, "number": None},
    ),
}  # fmt: skip
LIVE = [("1.1", "hello", 0), ("1.2", "order.created", 1)], [("1.2", "order.created", 1), ("1.3", "order.updated", 2)]


def frames(*events: tuple[str, str, int]) -> bytes:
    """As the service writes them, with `\\r\\n` too."""
    lines = [f"event: {type}\r\nid: {id}\ndata: {json.dumps({'n': n, 'ü': type})}\n\n" for id, type, n in events]
    return b"retry: 10\n\n" + "".join(lines).encode()


def in_python(call: dict[str, Any]) -> dict[str, Any]:
    tokens = (f"token-{n}" for n in range(1, 9))
    with Onward(call["url"], lambda: next(tokens), timeout=call["timeout"], patience=call["patience"]) as onward:
        try:
            return outcome(getattr(onward, snake(call["operation"]))(*call["args"], **in_snakes(call["options"])))
        except (OnwardError, ValueError) as error:
            return refused(error)


async def in_asyncio(call: dict[str, Any]) -> dict[str, Any]:
    tokens = (f"token-{n}" for n in range(1, 9))

    async def fresh() -> str:
        return next(tokens)

    async with AsyncOnward(call["url"], fresh, timeout=call["timeout"], patience=call["patience"]) as onward:
        try:
            return outcome(await getattr(onward, snake(call["operation"]))(*call["args"], **in_snakes(call["options"])))
        except (OnwardError, ValueError) as error:
            return refused(error)


def in_snakes(options: dict[str, Any]) -> dict[str, Any]:
    return {snake(name): value for name, value in options.items()}


def outcome(result: Any) -> dict[str, Any]:
    return {"raw": result.raw, "request_id": result.http.request_id, "etag": result.http.etag}


def refused(error: Exception) -> dict[str, Any]:
    if not isinstance(error, OnwardError):
        return {"error": "refused here"}
    names = {one: getattr(error, one) for one in ("status", "code", "request_id", "retry_after", "members")}
    return {"error": type(error).__name__, "group": type(error).__mro__[1].__name__} | names


async def together(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [await in_asyncio(call) for call in calls]


def in_javascript(calls: list[dict[str, Any]]) -> list[Any]:
    """Several calls in one process."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("nothing here runs JavaScript")
    command = [node, HERE / "client_calls.mjs", JAVASCRIPT, json.dumps(calls)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said: list[Any] = json.loads(done.stdout)
    return said


CALLED = {
    "python": lambda calls: [in_python(call) for call in calls],
    "asyncio": lambda calls: awaited(together(calls)),
    "javascript": in_javascript,
}


@pytest.fixture(scope="module")
def service():
    with scripted() as service:
        yield service


@pytest.fixture(scope="module", params=CLIENTS)
def played(request, service):
    """Each case with one client: what came of it, and what was asked."""
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("onward_client.exchange.FIRST_PAUSE_SECONDS", 0.001)
    calls, scripts = [], []
    for case in CASES.values():
        url, script = service.add(*case.replies)
        calls.append({"url": url, **{k: v for k, v in dataclasses.asdict(case).items() if k not in ("replies",)}})
        scripts.append(script)
    outcomes = CALLED[request.param](calls)
    monkeypatch.undo()
    return request.param, {
        name: (one, script.asked) for name, one, script in zip(CASES, outcomes, scripts, strict=True)
    }


@pytest.mark.parametrize("name", CASES)
def test_each_client_does_as_it_should(played, name):
    _, cases = played
    came, asked = cases[name]

    assert CASES[name].outcome == {one: came.get(one) for one in CASES[name].outcome}
    assert CASES[name].requests == len(asked)
    assert 1 >= len({one.headers.get("idempotency-key") for one in asked})
    assert 1 >= len({one.headers["x-request-id"] for one in asked})


def test_a_request_says_who_asks_and_with_what(played):
    client, cases = played
    _, asked = cases["a refused token is replaced"]

    name = "javascript" if client == "javascript" else "python"
    assert {f"onward-client-{name}"} == {one.headers["user-agent"].partition("/")[0] for one in asked}
    assert "." in asked[0].headers["user-agent"].partition("/")[2]
    assert ["Bearer token-1", "Bearer token-2"] == [one.headers["authorization"] for one in asked]
    assert ["Bearer token-1"] * 3 == [
        one.headers["authorization"] for one in cases["a change is repeated under its key"][1]
    ]


def test_what_can_be_repeated_has_a_key_of_its_own(played):
    _, cases = played
    keys = [asked[0].headers.get("idempotency-key") for _, asked in cases.values() if asked]
    given = [key for key in keys if key]

    assert 7 <= len(given) == len(set(given))
    assert not cases["an import that may have been applied is not repeated"][1][0].headers.get("idempotency-key")


def test_an_error_without_an_answer_has_the_id_that_was_sent(played):
    came, asked = played[1]["no answer is an error with the id that was sent"]

    assert asked[0].headers["x-request-id"] == came["request_id"] != ""


def test_nothing_in_a_path_or_a_query_is_taken_for_something_else(played):
    _, path = played[1]["an id is one segment of the path"]
    _, query = played[1]["parameters are quoted"]

    assert "/api/orders/a%2Fb%3Fc%3D%252F%26%C3%BC%20%23..%3Bx" == path[0].target
    assert "/api/orders?q=%C3%BC%26sort%3Dx+%231&late=true&limit=5" in query[0].target
    assert {"q", "late", "limit"} == {one.partition("=")[0] for one in query[0].target.partition("?")[2].split("&")}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_stream_goes_on_where_it_broke(service, client):
    """After a token that was refused, a connection that ended, and with what came twice left out."""
    stream = {"Content-Type": "text/event-stream", "Connection": "close"}
    replies = [Reply(200, frames(*events), stream) for events in LIVE]
    url, script = service.add(refusal(401, "unauthorized"), *replies)

    received = RECEIVED[client](url)

    expected = [["1.2", "order.created", 1], ["1.3", "order.updated", 2]]
    assert {"events": expected, "cursor": "1.3", "closed": True} == received
    assert ["token-1", "token-2", "token-2"] == [one.headers["authorization"].split()[1] for one in script.asked]
    assert [None, None, "1.2"] == [one.headers.get("last-event-id") for one in script.asked]
    assert {"/api/stream?channels=seller%3A1"} == {one.target for one in script.asked}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_token_that_will_expire_is_replaced_before_it_is_refused(service, client):
    stream = {"Content-Type": "text/event-stream", "Connection": "close"}
    first = frames(("", "auth-expiring", 0), ("1.2", "order.created", 1))
    url, script = service.add(Reply(200, first, stream), Reply(200, frames(*LIVE[1]), stream))

    RECEIVED[client](url)

    assert ["token-1", "token-2"] == [one.headers["authorization"].split()[1] for one in script.asked]


@pytest.mark.parametrize("client", ["python", "asyncio"])
def test_a_stream_that_is_forbidden_is_not_tried_again(service, client):
    url, script = service.add(refusal(403, "forbidden"))

    with pytest.raises(OnwardError, match="403 forbidden"):
        RECEIVED[client](url)
    assert 1 == len(script.asked)


def received_in_python(url):
    tokens, events = (f"token-{n}" for n in range(1, 9)), []
    with Onward(url, lambda: next(tokens)) as onward, onward.listen(channels=["seller:1"]) as stream:
        for event in stream:
            events.append([event.id, event.type, event.data["n"]])
            if len(events) == 2:
                break
    return {"events": events, "cursor": stream.cursor, "closed": stream.closed}


def received_in_asyncio(url):
    async def listen():
        tokens, events = (f"token-{n}" for n in range(1, 9)), []
        async with AsyncOnward(url, lambda: next(tokens)) as onward, onward.listen(channels=["seller:1"]) as stream:
            async for event in stream:
                events.append([event.id, event.type, event.data["n"]])
                if len(events) == 2:
                    break
        return {"events": events, "cursor": stream.cursor, "closed": stream.closed}

    return awaited(listen())


RECEIVED = {
    "python": received_in_python,
    "asyncio": received_in_asyncio,
    "javascript": lambda url: in_javascript([{"url": url, "listen": 2}])[0],
}
