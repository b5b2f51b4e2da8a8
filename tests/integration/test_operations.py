"""What operators see and do: dead letters, redelivery, discards, the ledger, modes, the completeness check."""

from __future__ import annotations

from typing import get_args

import pytest

from access.principal import Role
from access.tokens import Tokens
from cli import init_commands
from operations import listing
from side_effects.rows import CLAIM, RECORD, RESCUE
from side_effects.worker import LONG_AGO
from tests.facts import eventually

CHAT = "chat.message"


@pytest.fixture
def chat_is_broken(sql):
    sql("ALTER TABLE messages ADD CONSTRAINT poison CHECK (kind <> 'system') NOT VALID")
    yield
    sql("ALTER TABLE messages DROP CONSTRAINT IF EXISTS poison")


@pytest.fixture
def dead(placed, bob, outbox, sql, chat_is_broken):
    """A dead letter: the chat message of a confirmed order."""
    bob.move(placed["id"], "CONFIRMED")
    outbox.run_until_idle()
    sql("UPDATE side_effects SET attempts = 99")
    outbox.try_again()
    assert [(CHAT, "inside", "dead", 100)] == outbox.effects
    return sql("SELECT id FROM side_effects")[0][0]


def heal(sql):
    sql("ALTER TABLE messages DROP CONSTRAINT poison")


def test_a_dead_letter_is_listed_with_its_error(dead, olive):
    (row,) = olive.get("/api/ops/side-effects?status=dead").json["side_effects"]

    assert (dead, CHAT, 100, False) == (row["id"], row["kind"], row["attempts"], row["moved_on"])
    assert "poison" in row["last_error"]


def test_a_page_looks_at_so_many_only_and_says_where_the_next_begins(dead, olive, sql, command, monkeypatch):
    sql(
        """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status, scheduled_at,
        finished_at)
        SELECT 'email.status', 'mail-server', 'order', -n, -n, 'succeeded', now(), now()
        FROM generate_series(1, 25) AS n"""
    )
    monkeypatch.setattr(listing, "SPAN", 10)
    address, pages = f"/api/ops/side-effects?kind={CHAT}", []
    cursor = 2**53 - 1
    while cursor is not None:
        page = olive.get(f"{address}&cursor={cursor}").json
        pages.append([row["id"] for row in page["side_effects"]])
        cursor = page["next_cursor"]

    assert [[], [], [dead]] == pages
    assert f'"id":{dead},' in command(args=["side-effects", "list", "--kind", CHAT]).output


def test_a_dead_letter_says_when_the_order_has_moved_on(dead, olive, bob, placed):
    bob.move(placed["id"], "PREPARING")

    (row,) = olive.get("/api/ops/side-effects?status=dead").json["side_effects"]
    assert row["moved_on"]


def test_dead_letters_are_grouped_by_kind_and_error(dead, olive):
    (group,) = olive.get("/api/ops/side-effects/groups").json["groups"]

    assert (CHAT, 1, ["inside"]) == (group["kind"], group["count"], group["destinations"])


@pytest.mark.parametrize("by", ["id", "group", "destination"])
def test_a_redelivered_one_gets_a_fresh_start_and_happens_once(dead, olive, outbox, sql, bob, placed, by):
    (group,) = olive.get("/api/ops/side-effects/groups").json["groups"]
    chosen = {
        "id": {"ids": [dead]},
        "group": {"kind": group["kind"], "fingerprint": group["fingerprint"]},
        "destination": {"destination": "inside"},
    }[by]
    heal(sql)

    assert {"count": 1} == olive.post("/api/ops/side-effects/redeliver", chosen | {"per_second": 100}).json
    outbox.try_again()
    assert [(CHAT, "inside", "succeeded", 1)] == outbox.effects
    assert 1 == len(bob.get(f"/api/orders/{placed['id']}/messages").json["messages"])
    (action,) = olive.get("/api/ops/side-effects/actions").json["actions"]
    assert ("redeliver", f"operator {olive.id}", 1) == (action["action"], action["actor"], action["count"])


def test_a_discarded_one_is_over_and_the_reason_is_kept(dead, olive, outbox):
    assert 422 == olive.post("/api/ops/side-effects/discard", {"ids": [dead]}).status
    body = {"ids": [dead], "reason": "the order was a test"}

    assert {"count": 1} == olive.post("/api/ops/side-effects/discard", body).json
    assert [(CHAT, "inside", "discarded", 100)] == outbox.effects
    assert "the order was a test" == olive.get("/api/ops/side-effects/actions").json["actions"][0]["reason"]


def test_nothing_named_is_nothing_meant(dead, olive):
    assert 422 == olive.post("/api/ops/side-effects/redeliver", {}).status


@pytest.mark.parametrize("person", ["alice", "bob", "mallory", "shop"])
def test_only_operators_get_there(person, request, dead):
    who = request.getfixturevalue(person)

    for path in ("", "/groups", "/circuits", "/actions"):
        assert 403 == who.get(f"/api/ops/side-effects{path}").status
    assert 403 == who.post("/api/ops/side-effects/redeliver", {"ids": [dead]}).status


def test_the_ledger_shows_every_effect_and_its_state(placed, bob, olive, outbox, chat_is_broken):
    bob.move(placed["id"], "CONFIRMED")
    path = f"/api/orders/{placed['id']}/history"
    created, confirmed = olive.get(path).json["events"]
    assert {"succeeded"} == {one["status"] for one in created["effects"]}
    assert [
        "realtime.seller",
        "realtime.buyer",
        "notification.generic",
        "notification.status",
        "signal.order_status_changed",
        CHAT,
        "webhook.delivery",  # nobody may have asked for it, which is known when it is done
    ] == [one["effect"] for one in confirmed["effects"]]
    assert {"pending"} == {one["status"] for one in confirmed["effects"]}

    outbox.run_until_idle()
    *others, chat = olive.get(path).json["events"][1]["effects"]
    assert {"succeeded"} == {one["status"] for one in others}
    assert (CHAT, "pending", 1) == (chat["effect"], chat["status"], chat["attempts"])


SECRET = "RuntimeError: POST https://user:s3cr3t@warehouse.internal failed for alice.private@example.org"


@pytest.mark.parametrize("role", get_args(Role))
def test_only_who_operates_sees_where_effects_go_and_how_they_fail(app, settings, sql, placed, dead, role):
    """A mail server's refusal named the buyer's address to the seller, a receiver's error its password to the buyer."""
    sql("UPDATE side_effects SET last_error = %s, destination = 'warehouse.internal'", SECRET)
    headers = {"Authorization": f"Bearer {Tokens.of(settings).issue(role, placed['seller_id'])}"}
    client = app.test_client(use_cookies=False)

    for path in ("", "/history", "/messages"):
        told = client.get(f"/api/orders/{placed['id']}{path}", headers=headers)
        assert 200 == told.status_code
        inside = path == "/history" and role in ("operator", "auditor")
        assert inside == (b"s3cr3t" in told.data) == (b"warehouse.internal" in told.data) == (b"attempts" in told.data)
    history = client.get(f"/api/orders/{placed['id']}/history", headers=headers).get_json()["events"]
    assert {"effect": CHAT, "status": "dead"}.items() <= history[-1]["effects"][-1].items()


def test_waiting_for_the_effects_is_honoured_and_said(placed, bob, onward, outbox, monkeypatch):
    monkeypatch.setattr("outbox.engine.WAIT_LOOK_SECONDS", 0)
    plain = bob.move(placed["id"], "CONFIRMED")
    assert "Preference-Applied" not in plain.headers

    waited = bob.move(placed["id"], "PREPARING", Prefer="respond-async, wait=0")
    assert ("wait=0", "pending") == (waited.headers["Preference-Applied"], waited.headers["Onward-Effects"])


def test_a_mode_is_switched_for_one_kind_or_for_all(olive, onward, sql):
    olive.post("/api/ops/side-effects/mode", {"mode": "sequential", "kind": CHAT})
    onward.engine.look()
    assert ("sequential", "background") == (onward.engine.modes.of(CHAT), onward.engine.modes.of("realtime.seller"))

    olive.post("/api/ops/side-effects/mode", {"mode": "sequential"})
    onward.engine.look()
    assert "sequential" == onward.engine.modes.of("realtime.seller")
    sql("DELETE FROM side_effect_modes")
    onward.engine.look()


def test_a_late_record_changes_nothing(dead, sql, onward, olive):
    """A frozen process wakes up after its lease was given to somebody else."""
    run = onward.engine.durable_pool.run
    olive.post("/api/ops/side-effects/redeliver", {"ids": [dead], "per_second": 1000})
    sql("UPDATE side_effects SET scheduled_at = clock_timestamp() - interval '1 s'")
    ((id, *_, attempts, _, _),) = run(CLAIM, (CHAT, 10, 7, LONG_AGO, None))
    sql("UPDATE side_effects SET claimed_until = clock_timestamp() - interval '1 s'")
    assert [(id, CHAT, "pending", 1)] == eventually(lambda: run(RESCUE, (100.0,)))
    ((_, *_, again, _, _),) = run(CLAIM, (CHAT, 10, 8, LONG_AGO, None))

    assert [] == run(RECORD, ([id], [attempts], [attempts], ["succeeded"], [0.0], [""], [""], [0.1]))
    assert [(id,)] == run(RECORD, ([id], [again], [again], ["succeeded"], [0.0], [""], [""], [0.1]))


def test_five_crashes_make_a_dead_letter(dead, sql, onward, outbox):
    for crashes in range(1, 6):
        sql(
            "UPDATE side_effects SET status = 'running', owner = 99, claimed_until = clock_timestamp() - interval '1 s'"
        )
        ((_, _, status, counted),) = eventually(lambda: onward.engine.durable_pool.run(RESCUE, (100.0,)))
        assert (("dead" if crashes == 5 else "pending"), crashes) == (status, counted)


def test_the_newest_of_a_kind_supersedes_the_others_where_only_it_counts(dead, sql, onward):
    from side_effects.rows import SUPERSEDE

    sql("UPDATE side_effects SET status = 'pending', scheduled_at = clock_timestamp()")
    sql(
        "INSERT INTO side_effects (kind, destination, event_type, event_id, order_id)"
        " SELECT kind, destination, event_type, event_id + 1000, order_id FROM side_effects"
    )

    assert [(dead,)] == onward.engine.durable_pool.run(SUPERSEDE, (CHAT,))
    assert [("discarded", True), ("pending", False)] == sql(
        "SELECT status, last_error LIKE 'superseded by event %%' FROM side_effects ORDER BY id"
    )


@pytest.fixture
def command(app):
    init_commands(app)
    return app.test_cli_runner().invoke


def test_the_completeness_check_finds_what_is_missing(placed, bob, outbox, sql, command):
    bob.move(placed["id"], "CONFIRMED")
    outbox.run_until_idle()
    sql("ALTER TABLE order_events DISABLE TRIGGER append_only")
    sql("UPDATE order_events SET at = at - interval '5 minutes'")
    sql("ALTER TABLE order_events ENABLE TRIGGER append_only")
    clean = command(args=["side-effects", "verify"])
    assert (0, "0 missing.\n") == (clean.exit_code, clean.output)

    sql("DELETE FROM messages")
    sql("UPDATE orders SET buyer_email = ''")
    assert 0 == command(args=["side-effects", "verify"]).exit_code, "what was erased is not missing"
    sql("UPDATE orders SET buyer_email = 'alice@example.org'")
    found = command(args=["side-effects", "verify"])
    assert 1 == found.exit_code
    assert "chat.message is missing" in found.output


def test_operators_have_the_command_line_too(dead, command, outbox, sql):
    assert str(dead) in command(args=["side-effects", "list"]).output
    assert CHAT in command(args=["side-effects", "groups"]).output
    assert 2 == command(args=["side-effects", "redeliver"]).exit_code
    heal(sql)
    assert "1 will be redelivered." in command(args=["side-effects", "redeliver", "--kind", CHAT]).output
    outbox.try_again()
    assert [(CHAT, "inside", "succeeded", 1)] == outbox.effects
    assert "redeliver" in command(args=["side-effects", "actions"]).output


def test_the_figures_tell_what_was_attempted(dead, app):
    said = app.test_client().get("/metrics").get_data(as_text=True)

    assert 'onward_side_effect_attempts_total{kind="chat.message",outcome="retry"}' in said
    assert 'onward_dead_letters_kept{kind="chat.message"} 1.0' in said
    assert 'onward_oldest_seconds{kind="outbox"} 0.0' in said


def test_what_an_operator_said_of_modes_can_be_taken_back(olive, onward, sql):
    olive.post("/api/ops/side-effects/mode", {"mode": "sequential"})
    onward.engine.look()
    assert "sequential" == onward.engine.modes.of(CHAT)

    assert 200 == olive.post("/api/ops/side-effects/mode", {"mode": "default"}).status
    onward.engine.look()
    assert "background" == onward.engine.modes.of(CHAT)
    assert [] == sql("SELECT kind FROM side_effect_modes")


def test_what_is_not_there_is_neither_switched_nor_resumed(olive, sql):
    assert 422 == olive.post("/api/ops/side-effects/mode", {"mode": "sequential", "kind": "chat.mesage"}).status
    circuit = {"destination": "mail-sever", "action": "resume", "reason": "it is back"}
    assert 404 == olive.post("/api/ops/side-effects/circuits", circuit).status
    assert [] == sql("SELECT * FROM circuit_changes")
