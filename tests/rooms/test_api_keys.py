"""Keys for other systems."""

from __future__ import annotations

import time

import pytest

from app import init_commands, onward_of
from tests.cast import new_order


@pytest.fixture
def run(app, empty):
    """`flask …`, in this process."""
    if "keys" not in app.cli.commands:
        init_commands(app)

    def run(*words):
        return app.test_cli_runner().invoke(args=words)

    return run


def add(olive, **changes):
    body = {"name": "the warehouse", "id": 1, "scopes": ["orders:read"]} | changes
    return olive.post("/api/ops/keys", body)


def ask(app, key, path="/api/orders", **options):
    return app.test_client().open(path, headers={"Authorization": f"Bearer {key}"}, **options)


def test_a_key_may_what_its_scopes_say(app, cast):
    key = add(cast.olive, scopes=["orders:read"]).json["key"]

    assert 200 == ask(app, key).status_code
    refused = ask(app, key, method="POST", json=new_order(1, 1))
    assert (403, "orders:write") == (refused.status_code, refused.get_json()["detail"].split()[-1].rstrip("."))


def test_a_key_is_kept_so_that_nobody_can_read_it(app, cast, sql):
    key = add(cast.olive).json["key"]

    assert key not in str(sql("SELECT row_to_json(k) FROM api_keys k"))
    assert key not in ask(app, cast.olive.token, "/api/ops/keys").text
    assert key.startswith(cast.olive.get("/api/ops/keys").json["keys"][0]["prefix"])


def test_when_a_key_was_used_last_is_known(app, cast):
    key = add(cast.olive).json["key"]
    assert cast.olive.get("/api/ops/keys").json["keys"][0]["last_used_at"] is None

    ask(app, key)

    assert cast.olive.get("/api/ops/keys").json["keys"][0]["last_used_at"]


def test_a_revoked_key_is_refused_though_it_was_remembered(app, cast):
    """And whoever listens with it hears nothing more."""
    made = add(cast.olive, id=4711).json
    assert 200 == ask(app, made["key"]).status_code

    assert 200 == cast.olive.post("/api/ops/keys/revoke", {"id": made["id"], "reason": "leaked"}).status
    onward_of(app).watch.look()

    assert 401 == ask(app, made["key"]).status_code
    assert {f"key:{made['id']}"} == onward_of(app).watch.proofs.rights_lost({"service:4711", f"key:{made['id']}"})
    assert 404 == cast.olive.post("/api/ops/keys/revoke", {"id": made["id"], "reason": "again"}).status


def test_a_key_ends_when_it_was_said_to(app, cast, sql):
    key = add(cast.olive, days=1).json["key"]
    assert 200 == ask(app, key).status_code

    tokens = onward_of(app).watch.proofs.tokens
    sql("UPDATE api_keys SET expires_at = clock_timestamp()")
    tokens.now = lambda: time.time() + 100
    try:
        assert 401 == ask(app, key).status_code
    finally:
        tokens.now = time.time


@pytest.mark.parametrize(
    "change",
    [{"scopes": []}, {"scopes": ["orders:eat"]}, {"role": "root"}, {"id": 0}, {"days": 0}, {"name": ""}],
    ids=str,
)
def test_a_key_that_makes_no_sense_is_not_made(cast, change):
    assert 422 == add(cast.olive, **change).status


def test_keys_are_made_listed_and_revoked_on_the_command_line(app, run, sql):
    key = run("keys", "add", "--name", "the till", "--id", "3", "--scope", "orders:read").output.strip()
    assert 200 == ask(app, key).status_code
    (id,) = sql("SELECT id FROM api_keys")[0]

    assert "the till" in run("keys", "list").output
    assert 0 == run("keys", "revoke", str(id)).exit_code
    assert "revoked" in run("keys", "list").output
    assert "no such key" in run("keys", "revoke", str(id)).output


def test_a_scope_that_is_not_there_is_told_on_the_command_line(run):
    answer = run("keys", "add", "--name", "x", "--id", "3", "--scope", "orders:eat")

    assert (2, True) == (answer.exit_code, "orders:read" in answer.output)


def test_tokens_are_taken_back_on_the_command_line(run, sql):
    assert 0 == run("revoke", "--role", "seller", "--id", "7").exit_code
    assert 0 == run("revoke", "--token-id", "abc").exit_code
    assert 2 == run("revoke", "--role", "seller").exit_code

    assert [("jti:abc",), ("seller:7",)] == sql("SELECT subject FROM revocations ORDER BY subject")


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"scopes": ["ops:read"]}, 201),
        ({"scopes": ["ops:read", "orders:write"]}, 403),
        ({"role": "service", "scopes": ["ops:read"]}, 403),
    ],
    ids=str,
)
def test_a_key_makes_no_key_with_more_rights_than_its_own(app, cast, wanted, status):
    own = add(cast.olive, role="operator", scopes=["ops:read", "ops:write"]).json["key"]
    body = {"name": "another", "role": "operator", "id": 1} | wanted

    assert status == ask(app, own, "/api/ops/keys", method="POST", json=body).status_code
