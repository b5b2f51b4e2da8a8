"""Rate limits and origins: what the application admits."""

from __future__ import annotations

import pytest

from foundation.openapi import committed
from tests.integration.conftest import send_through
from tests.integration.visitor import press_button

SHOP = "https://shop.example"
ELSEWHERE = [
    "https://evil.example",
    "http://shop.example",
    "https://shop.example:8443",
    "https://sub.shop.example",
    "https://shop.example.evil.example",
    "https://shop.examplex",
    "null",
    "",
    "*",
    "https://SHOP.example",
]


@pytest.fixture
def slow(app_with, settings, cast):
    return send_through(app_with(rate_limit_reads=5, rate_limit_writes=5), settings)


@pytest.mark.parametrize("prefer", ["", "wait=0"], ids=["usual", "through Flask"])
def test_who_writes_too_often_is_told_when_to_come_back(slow, placed, prefer):
    more = {"Prefer": prefer} if prefer else {}
    replies = [slow.bob.move(placed["id"], "CONFIRMED", **more) for _ in range(50)]

    refused = [one for one in replies if one.status == 429]
    assert len(refused) > 20
    assert {"too_many_requests"} == {one.json["code"] for one in refused}
    assert {"1"} == {one.headers["Retry-After"] for one in refused}
    assert 200 == replies[0].status
    assert ('"writes";q=5;w=1', '"writes";r=4') == (
        replies[0].headers["RateLimit-Policy"],
        replies[0].headers["RateLimit"].rpartition(";")[0],
    )
    assert 200 == slow.olive.get(f"/api/orders/{placed['id']}").status


def test_a_batch_counts_as_its_changes(slow, cast, sql):
    """Beyond the rate they are not made, and told so one by one."""
    orders = [cast.place()["id"] for _ in range(40)]
    changes = [{"order_id": one, "status": "CONFIRMED"} for one in orders]
    reply = slow.bob.post("/api/orders/status-changes", {"changes": changes})

    statuses = [one["status"] for one in reply.json["results"]]
    made = statuses.count(200)
    assert 1 <= made <= 10
    assert [200] * made + [429] * (40 - made) == statuses
    assert {"too_many_requests"} == {one["problem"]["code"] for one in reply.json["results"][made:]}
    assert (made, 40 - made) == (reply.json["changed"], reply.json["refused"])
    assert [(made,)] == sql("SELECT count(*) FROM orders WHERE status = 'CONFIRMED'")


def test_a_stream_counts_as_a_read_and_is_never_told_429(slow):
    """1,090 a second were opened with a rate of 5. EventSource comes back after a `bye`, and never after a 429."""
    assert {200} == {slow.bob.request("HEAD", "/api/stream").status for _ in range(20)}
    assert 429 in {slow.bob.get("/api/me").status for _ in range(20)}
    assert 200 == slow.olive.get("/api/me").status

    def opening():
        answer, _ = slow.bob.send("GET", "/api/stream", {"Authorization": f"Bearer {slow.bob.token}"}, None)
        assert (200, '"reads";q=5;w=1') == (answer.status_code, answer.headers["RateLimit-Policy"])
        return answer.get_data(as_text=True)

    assert any('"reason":"too many requests"' in opening() for _ in range(5))


@pytest.fixture
def shared(app_with):
    return app_with(cors_origins=(SHOP,)).test_client()


def preflight(client, origin):
    headers = {"Origin": origin, "Access-Control-Request-Method": "PATCH"}
    return client.options("/api/orders/1/status", headers=headers)


def test_a_named_origin_may_use_the_api(shared):
    assert (204, SHOP) == (
        (answer := preflight(shared, SHOP)).status_code,
        answer.headers["Access-Control-Allow-Origin"],
    )
    assert SHOP == shared.get("/api/me", headers={"Origin": SHOP}).headers["Access-Control-Allow-Origin"]
    assert "Access-Control-Allow-Credentials" not in preflight(shared, SHOP).headers


def asking(client, names):
    headers = {"Origin": SHOP, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": names}
    return client.options("/api/orders", headers=headers).headers


@pytest.mark.parametrize("names", ["cache-control", "traceparent,x-datadog-parent-id", "authorization, content-type"])
def test_a_named_origin_may_send_what_it_asks_for(shared, names):
    """Only a fixed list was allowed, which polyfills and tracing do not keep to."""
    told = asking(shared, names)

    assert names == told["Access-Control-Allow-Headers"]
    assert "PUT" in told["Access-Control-Allow-Methods"]
    assert {"Origin", "Access-Control-Request-Headers"} <= {one.strip() for one in told["Vary"].split(",")}


@pytest.mark.parametrize("names", ["", "a b", "a,", "x" * 65, ",".join(["a"] * 65), "é"])
def test_what_is_no_list_of_names_is_not_allowed(shared, names):
    assert "Access-Control-Allow-Headers" not in asking(shared, names.encode().decode("latin-1"))


def test_a_page_of_a_named_origin_reads_all_headers_of_the_contract(shared):
    exposed = shared.get("/api/me", headers={"Origin": SHOP}).headers["Access-Control-Expose-Headers"].split(", ")

    assert {"ETag", "Link", "Retry-After", "Onward-Cursor", *committed()["components"]["headers"]} <= set(exposed)


@pytest.mark.parametrize("origin", ELSEWHERE)
def test_no_other_origin_may(shared, app, origin):
    for client in (shared, app.test_client()):
        for answer in (preflight(client, origin), client.get("/api/me", headers={"Origin": origin})):
            assert [] == [name for name, _ in answer.headers if name.startswith("Access-Control-")]


def test_by_default_there_is_none(app):
    assert "Access-Control-Allow-Origin" not in preflight(app.test_client(), SHOP).headers


@pytest.fixture
def browser(app_with):
    """Somebody who is signed in, by the demo's button."""
    client = app_with(demo=True).test_client()
    press_button(client, "seller")
    return client


@pytest.mark.parametrize("origin", [one for one in (*ELSEWHERE, SHOP) if one])
def test_a_cookie_from_elsewhere_opens_no_stream(browser, origin):
    assert 200 == browser.get("/api/stream").status_code
    for headers in ({"Origin": origin}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        answer = browser.get("/api/stream", headers=headers)
        assert (400, "csrf_failed") == (answer.status_code, answer.get_json()["code"])
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("origin", [*ELSEWHERE, SHOP])
def test_a_cookie_from_elsewhere_changes_nothing(app, origin, placed):
    client = app.test_client()
    press_button(client, "seller")
    answer = client.patch(
        f"/api/orders/{placed['id']}/status", json={"status": "CONFIRMED"}, headers={"Origin": origin}
    )

    assert (400, "csrf_failed") == (answer.status_code, answer.get_json()["code"])
