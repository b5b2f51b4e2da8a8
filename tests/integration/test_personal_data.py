"""The personal data of a buyer, exported and erased."""

from __future__ import annotations

import pytest

from access import people
from cli import init_commands
from process import onward_of

SECRETS = ("Alice Archer", "alice@example.org", "my knee hurts", "wrong colour", "leave it at number 9")
"""What alice would not want to be read any more. The last one is what bob wrote to her."""

TABLES = (
    "orders",
    "order_events",
    "order_reasons",
    "messages",
    "notifications",
    "realtime_packs",
    "realtime_events",
    "people",
    "idempotency_keys",
    "order_search",
    "side_effects",
)


@pytest.fixture
def told(app, cast, outbox):
    """An order of alice's on which much was said."""
    order = cast.place()
    cast.alice.post(f"/api/orders/{order['id']}/messages", {"body": "my knee hurts"}, Idempotency_Key="a-key")
    cast.bob.post(f"/api/orders/{order['id']}/messages", {"body": "leave it at number 9"})
    cast.alice.move(order["id"], "CANCELLED", "wrong colour")
    with app.app_context():
        people.add("alice@example.org", "Alice Archer", "buyer", cast.alice.id)
    outbox.run_until_idle()
    cast.bob.post("/api/notifications/read", {"up_to": 1}, Idempotency_Key="b-key")
    return order["id"]


@pytest.fixture
def everything(sql):
    """All that stands in the database, as text."""

    def read():
        return " ".join(str(sql(f"SELECT row_to_json(t) FROM {table} t")) for table in TABLES)

    return read


@pytest.fixture(autouse=True)
def _nothing_stays_revoked(app):
    """Later tests have the same alice."""
    yield
    onward_of(app).access.credentials.tokens.revocations._at.clear()


def erase(cast, buyer_id=None):
    return cast.olive.post("/api/ops/personal-data/erase", {"buyer_id": buyer_id or cast.alice.id, "reason": "asked"})


def test_nothing_that_tells_who_a_buyer_was_is_left(cast, told, everything):
    assert set(SECRETS) == {secret for secret in SECRETS if secret in everything()}

    assert 200 == erase(cast).status

    assert [] == [secret for secret in SECRETS if secret in everything()]


def test_the_history_stays_as_it_was_without_its_words(cast, told):
    before = cast.olive.get(f"/api/orders/{told}/history").json["events"]
    assert "wrong colour" == before[-1]["reason"]

    erase(cast)

    after = cast.olive.get(f"/api/orders/{told}/history").json["events"]
    assert [event | {"reason": None} for event in before] == after


def test_the_orders_and_their_conversations_can_still_be_read(cast, told):
    erase(cast)

    assert ("(erased)", "CANCELLED") == ((order := cast.bob.order(told))["buyer_name"], order["status"])
    said = [
        one["body"] for one in cast.bob.get(f"/api/orders/{told}/messages").json["messages"] if one["kind"] == "person"
    ]
    assert ["(erased)"] * 2 == said


def test_the_live_events_stay_in_their_order_and_tell_nothing(cast, told, sql):
    before = sql("SELECT seq, channel, type FROM live_events ORDER BY seq")

    assert 0 < erase(cast).json["live_events"]

    assert before == sql("SELECT seq, channel, type FROM live_events ORDER BY seq")
    assert [(0,)] == sql("SELECT count(*) FROM live_events WHERE data LIKE '%Archer%' OR data LIKE '%colour%'")


def test_other_buyers_keep_what_is_theirs(cast, told, sql):
    sql("UPDATE orders SET buyer_id = 99 WHERE id = %s", told)
    mine = cast.place()["id"]

    erase(cast)

    assert ("Alice Archer", "(erased)") == tuple(cast.olive.order(id)["buyer_name"] for id in (told, mine))
    assert [("wrong colour",)] == sql("SELECT reason FROM order_reasons")


def test_who_was_erased_is_signed_out(app, cast, told):
    erase(cast)
    onward_of(app).access.refresher.look()

    assert 401 == cast.alice.get("/api/orders").status


def test_an_erasure_stands_in_the_audit_trail(cast, told):
    erase(cast)

    (action,) = [
        one for one in cast.olive.get("/api/ops/side-effects/actions").json["actions"] if one["action"] == "erase"
    ]
    assert (f"buyer {cast.alice.id}", "asked", f"operator {cast.olive.id}") == (
        action["target"],
        action["reason"],
        action["actor"],
    )


def test_an_export_holds_all_that_is_kept(cast, told):
    exported = cast.olive.get(f"/api/ops/personal-data?buyer_id={cast.alice.id}")

    assert 200 == exported.status
    assert [] == [secret for secret in SECRETS if secret not in str(exported.json)]
    assert {"accounts", "orders", "messages", "notifications", "preferences", "buyer_id"} == set(exported.json)
    assert "password" not in str(exported.json)
    assert "session_key" not in str(exported.json)


def test_there_is_nothing_about_somebody_who_never_bought(cast):
    assert 404 == erase(cast, 424242).status
    assert 404 == cast.olive.get("/api/ops/personal-data?buyer_id=424242").status


def test_personal_data_on_the_command_line(app, cast, told, everything):
    if "people" not in app.cli.commands:
        init_commands(app)
    run = app.test_cli_runner().invoke

    assert "Alice Archer" in run(args=["people", "export", str(cast.alice.id)]).output
    assert 1 == run(args=["people", "erase", str(cast.alice.id), "--reason", "asked"], input="n\n").exit_code
    assert "Alice Archer" in everything()
    assert "1 orders" in run(args=["people", "erase", str(cast.alice.id), "--reason", "asked", "--yes"]).output
    assert "Alice Archer" not in everything()
    assert 1 == run(args=["people", "export", "424242"]).exit_code


def test_what_was_erased_is_not_said_to_be_unchanged(cast, told):
    tag = cast.olive.get(f"/api/orders/{told}").headers["ETag"]
    erase(cast)

    assert 200 == cast.olive.get(f"/api/orders/{told}", If_None_Match=tag).status


def test_an_answer_that_was_erased_is_said_not_to_be_kept(cast, told):
    erase(cast)

    again = cast.bob.post("/api/notifications/read", {"up_to": 1}, Idempotency_Key="b-key")
    assert (409, "answer_not_kept") == (again.status, again.json["code"])
