"""API keys."""

from __future__ import annotations

import itertools
import time
from datetime import timedelta

import pytest

from access import api_keys
from access.tokens import Tokens
from cli import init_commands
from foundation import clock
from process import onward_of
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
    onward_of(app).access.refresher.look()

    assert 401 == ask(app, made["key"]).status_code
    assert {f"key:{made['id']}"} == onward_of(app).access.credentials.rights_lost({"service:4711", f"key:{made['id']}"})
    assert 404 == cast.olive.post("/api/ops/keys/revoke", {"id": made["id"], "reason": "again"}).status


def test_a_key_ends_when_it_was_said_to(app, cast, sql):
    key = add(cast.olive, days=1).json["key"]
    assert 200 == ask(app, key).status_code

    tokens = onward_of(app).access.credentials.tokens
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
    assert "No such key" in run("keys", "revoke", str(id)).output


def test_a_scope_that_is_not_there_is_told_on_the_command_line(run):
    answer = run("keys", "add", "--name", "x", "--id", "3", "--scope", "orders:eat")

    assert (2, True) == (answer.exit_code, "orders:read" in answer.output)


def test_tokens_are_taken_back_on_the_command_line(run, sql):
    assert 0 == run("revoke", "--role", "seller", "--id", "7").exit_code
    assert 0 == run("revoke", "--token-id", "abc").exit_code
    assert 2 == run("revoke", "--role", "seller").exit_code

    assert [("jti:abc",), ("seller:7",)] == sql("SELECT subject FROM revocations ORDER BY subject")


@pytest.fixture
def own(app, cast):
    """A key of the operator 1 that ends in a day, with which others are made that end ever earlier."""
    days = (0.5 - number / 1000 for number in itertools.count())
    key = add(cast.olive, role="operator", scopes=["ops:read", "ops:write"], days=1).json["key"]

    def make(with_key=key, **wanted):
        body = {"name": "another", "role": "operator", "id": 1, "scopes": ["ops:read"], "days": next(days)} | wanted
        return ask(app, with_key, "/api/ops/keys", method="POST", json=body)

    make.key = key
    return make


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({}, 201),
        ({"scopes": ["ops:read", "orders:write"]}, 403),
        ({"role": "service"}, 403),
        ({"id": 2}, 403),
        ({"days": 2}, 403),
        ({"days": None}, 403),
    ],
    ids=str,
)
def test_a_key_makes_no_key_that_is_stronger(own, wanted, status):
    assert status == own(**wanted).status_code


def test_an_operator_makes_operators_keys_in_the_own_name_only(cast):
    assert [201, 403] == [add(cast.olive, role="operator", id=id).status for id in (1, 2)]
    assert 201 == add(cast.olive, role="service", id=2).status


def test_a_key_falls_with_the_one_that_it_was_made_with(app, cast, own, sql):
    """And with all before; also one that was made while the first was being revoked, whom no list of ours has met."""
    child = own(scopes=["ops:read", "ops:write"]).get_json()["key"]
    grandchild = own(with_key=child).get_json()["key"]
    assert [200, 200] == [ask(app, key, "/api/me").status_code for key in (child, grandchild)]
    (first,) = sql("SELECT min(id) FROM api_keys")[0]
    assert [first, first + 1, None] == [
        one["parent_id"] and first + index for index, one in enumerate(cast.olive.get("/api/ops/keys").json["keys"])
    ]

    assert 200 == cast.olive.post("/api/ops/keys/revoke", {"id": first, "reason": "leaked"}).status
    onward_of(app).access.refresher.look()
    assert [401, 401] == [ask(app, key, "/api/me").status_code for key in (child, grandchild)]

    sql("UPDATE api_keys SET revoked_at = NULL WHERE id <> %s", first)
    assert [401, 401] == [ask(app, key, "/api/me").status_code for key in (child, grandchild)]


def test_the_streams_of_a_key_end_with_the_one_that_it_was_made_with(app, cast, own, sql):
    own()
    (parent, child), *_ = sql("SELECT ancestors[1], id FROM api_keys WHERE ancestors <> '{}'")
    cast.olive.post("/api/ops/keys/revoke", {"id": parent, "reason": "leaked"})
    onward_of(app).access.refresher.look()

    name = f"key:{parent}.{child}"
    assert {name} == onward_of(app).access.credentials.rights_lost({name, f"key:{child}", f"key:{parent}0"})


def test_keys_do_not_make_each_other_without_end(own):
    key, statuses = own.key, []
    for _ in range(api_keys.MOST_ANCESTORS + 1):
        answer = own(with_key=key, scopes=["ops:read", "ops:write"])
        statuses.append(answer.status_code)
        key = answer.get_json().get("key")

    assert [*[201] * api_keys.MOST_ANCESTORS, 403] == statuses


def test_with_a_key_nobody_puts_out_an_operator(app, cast, own):
    """Whoever has found one could keep out those who would end it."""
    other = add(cast.olive, role="operator").json["id"]
    made, service = own().get_json()["id"], add(cast.olive).json["id"]

    def post(path, **body):
        return ask(app, own.key, path, method="POST", json=body | {"reason": "a test"}).status_code

    assert [403, 403] == [post("/api/ops/revocations", role=role, id=1) for role in ("operator", "auditor")]
    assert 200 == post("/api/ops/revocations", role="seller", id=99)
    assert [403, 200, 200] == [post("/api/ops/keys/revoke", id=id) for id in (other, made, service)]


def test_a_tracking_link_ends_with_the_key_that_it_was_made_with(app, cast, sql):
    order = cast.place()["id"]
    made = add(cast.olive, scopes=["orders:write"], days=2).json
    link = ask(app, made["key"], f"/api/orders/{order}/tracking-links", method="POST", json={}).get_json()
    path = "/t/" + link["url"].partition("/t/")[2]
    assert 200 == app.test_client().get(path).status_code
    assert link["expires_at"] < (clock.now() + timedelta(days=2)).isoformat()

    cast.olive.post("/api/ops/keys/revoke", {"id": made["id"], "reason": "leaked"})

    assert 404 == app.test_client().get(path).status_code


def test_whatever_the_demo_has_made_ends_with_it(app, app_with, cast, visit):
    """Keys, keys that they made, tickets, links, and the token that `make run` prints."""
    olive, production = visit("olive"), app_with(demo=False)
    body = {"name": "k", "role": "operator", "id": 1, "scopes": ["ops:read", "ops:write", "realtime:read"]}
    key = olive.api("POST", "/api/ops/keys", body).get_json()["key"]
    child = ask(app, key, "/api/ops/keys", method="POST", json=body).get_json()["key"]
    token = Tokens.of(onward_of(app).settings).issue("seller", 1, demo=True)
    link = olive.api("POST", f"/api/orders/{cast.place()['id']}/tracking-links", {}).get_json()["url"]
    tickets = [olive.api("POST", "/api/stream-tickets", None).get_json()["ticket"] for _ in range(2)]
    tickets += [ask(app, key, "/api/stream-tickets", method="POST").get_json()["ticket"] for _ in range(2)]

    def statuses(app, mine, theirs):
        credentials = [ask(app, credential, "/api/me").status_code for credential in (key, child, token)]
        listens = [
            app.test_client().get("/api/stream", query_string={"ticket": one}).status_code for one in (mine, theirs)
        ]
        return credentials, listens, app.test_client().get("/t/" + link.partition("/t/")[2]).status_code

    assert ([401] * 3, [401] * 2, 404) == statuses(production, tickets[0], tickets[2])
    assert ([200] * 3, [200] * 2, 200) == statuses(app, tickets[1], tickets[3])
