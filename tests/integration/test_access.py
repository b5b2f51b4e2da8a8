"""Who is admitted, and which error others get."""

from __future__ import annotations

import time

import jwt
import pytest

from access.parts import access_of
from process import onward_of
from tests.conftest import SECRET
from tests.integration.visitor import press_button

GOOD = {"sub": "1", "role": "seller", "iss": "onward", "aud": "onward", "iat": 0, "exp": 4_000_000_000}


def ask(app, token):
    return app.test_client().get("/api/me", headers={"Authorization": f"Bearer {token}"})


def test_a_good_token_names_its_holder(app):
    token = jwt.encode(GOOD, SECRET, "HS256")

    assert ("seller", 1) == ((body := ask(app, token).get_json())["role"], body["id"])


@pytest.mark.parametrize(
    "change",
    [
        {"exp": 1},
        {"iss": "somebody"},
        {"aud": "somewhere"},
        {"role": "system"},
        {"role": "admin"},
        {"sub": "0"},
        {"sub": "x"},
        {"sub": str(2**63)},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
        {"exp": "never"},
        {"exp": True},
        {"exp": [4_000_000_000]},
        {"exp": 10**20},
        {"iat": "yesterday"},
        {"sub": 1},
        {"sub": "1" * 5000},
        {"role": ["operator"]},
        {"aud": ["onward", 7]},
        *({name: None} for name in GOOD),
    ],
    ids=str,
)
def test_a_token_that_is_not_right_is_refused(app, change):
    claims = {name: value for name, value in (GOOD | change).items() if value is not None}

    answer = ask(app, jwt.encode(claims, SECRET, "HS256"))
    assert (401, "application/problem+json") == (answer.status_code, answer.content_type)
    assert "Bearer" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "token",
    [
        jwt.encode(GOOD, "another secret of more than 32 bytes", "HS256"),
        jwt.encode(GOOD, SECRET + SECRET, "HS512"),
        jwt.encode(GOOD, None, "none"),
        "not.a.token",
        "",
        "\udc00",
    ],
    ids=["another key", "another algorithm", "no algorithm", "garbage", "empty", "not text"],
)
def test_a_forged_token_is_refused(app, token):
    assert 401 == ask(app, token.encode("utf-8", "replace").decode()).status_code


def test_a_remembered_token_still_expires(app):
    token = jwt.encode(GOOD | {"exp": int(time.time()) + 2}, SECRET, "HS256")
    assert 200 == ask(app, token).status_code

    access_of(app).credentials.tokens.now = lambda: time.time() + 3
    try:
        assert 401 == ask(app, token).status_code
    finally:
        access_of(app).credentials.tokens.now = time.time


def revoked(app, sql, *subjects):
    """Somebody takes these back, and this process hears of it."""
    for subject in subjects:
        sql("INSERT INTO revocations (subject, actor, reason) VALUES (%s, 'a test', '')", subject)
    onward_of(app).access.refresher.look()


def test_a_token_that_was_taken_back_is_refused_though_it_was_remembered(app, sql, empty):
    token, other = (jwt.encode(GOOD | {"jti": name}, SECRET, "HS256") for name in ("one", "two"))
    assert [200, 200] == [ask(app, each).status_code for each in (token, other)]

    revoked(app, sql, "jti:one")

    assert [401, 200] == [ask(app, each).status_code for each in (token, other)]


def test_all_tokens_of_a_person_are_taken_back_at_once(app, cast, sql):
    """Those that are issued later are good again."""
    assert 200 == cast.olive.post("/api/ops/revocations", {"role": "seller", "id": 77, "reason": "lost"}).status
    before, after = (jwt.encode(GOOD | {"sub": "77", "iat": iat}, SECRET, "HS256") for iat in (0, int(time.time()) - 9))
    sql("UPDATE revocations SET at = at - interval '20 s'")
    onward_of(app).access.refresher.look()

    assert [401, 200] == [ask(app, each).status_code for each in (before, after)]


@pytest.mark.parametrize("subject", ["jti:streaming", "buyer:88"])
def test_whoever_loses_a_token_hears_nothing_more(app, sql, empty, subject):
    token = jwt.encode(GOOD | {"role": "buyer", "sub": "88", "jti": subject[4:]}, SECRET, "HS256")
    assert 200 == ask(app, token).status_code
    revoked(app, sql, subject)

    credentials = onward_of(app).access.credentials
    assert {subject} == credentials.rights_lost({"buyer:88", subject, "buyer:1"})
    assert set() == credentials.rights_lost({"buyer:88", subject}), "who has come back with another token stays"


@pytest.mark.parametrize(
    "body", [{}, {"token_id": "a", "role": "buyer", "id": 1}, {"role": "buyer"}, {"id": 1}], ids=str
)
def test_a_revocation_names_exactly_one_thing(cast, body):
    assert 422 == cast.olive.post("/api/ops/revocations", body | {"reason": "a test"}).status


@pytest.mark.parametrize("path", ["/api/me", "/api/orders", "/api/orders/1", "/api/notifications", "/api/stream"])
def test_nobody_gets_in_without_a_credential(app, path):
    answer = app.test_client().get(path)

    assert (401, "unauthorized") == (answer.status_code, answer.get_json()["code"])


def test_a_route_that_is_not_there_is_a_problem_too(app):
    answer = app.test_client().get("/api/nothing")

    assert (404, "not_found") == (answer.status_code, answer.get_json(force=True)["code"])


def test_a_wrong_method_says_which_are_right(app):
    answer = app.test_client().delete("/api/orders")

    assert 405 == answer.status_code
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_the_callers_request_id_comes_back(app):
    answer = app.test_client().get("/api/me", headers={"X-Request-ID": "abc-123"})

    assert "abc-123" == answer.headers["X-Request-ID"] == answer.get_json()["request_id"]


def test_a_request_id_that_could_forge_a_log_line_is_replaced(app):
    answer = app.test_client().get("/api/me", headers={"X-Request-ID": 'x" forged'})

    assert 16 == len(answer.headers["X-Request-ID"])


def test_a_cookie_alone_cannot_change_anything(app):
    """A page elsewhere can make a browser send the cookie, and cannot read the CSRF token."""
    client = app.test_client()
    press_button(client, "seller")

    assert 200 == client.get("/api/me").status_code
    assert 400 == client.post("/api/notifications/read", json={"up_to": 1}).status_code


def test_a_session_of_the_demo_ends_with_the_demo(app, app_with):
    """The key stays the same, so the signature of a cookie that a button made is still right."""
    demo, production = app.test_client(), app_with(demo=False).test_client()
    press_button(demo, "operator")
    production.set_cookie("onward_session", demo.get_cookie("onward_session").value)

    assert 200 == demo.get("/api/me").status_code
    assert 401 == production.get("/api/me").status_code
    assert "/sign-in?next=%2Foperator%2Forders" == production.get("/operator/orders").headers["Location"]
    assert "/sign-in" == production.get("/").headers["Location"]
