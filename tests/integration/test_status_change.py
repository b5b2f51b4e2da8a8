"""The hot path: what a change returns, what it writes, and what it refuses."""

from __future__ import annotations

import pytest

TRACKING = {"carrier": "Parcel Post", "number": "PP1", "url": "https://post.example/PP1", "expected_on": "2026-12-01"}


def advance(bob, order_id, *statuses):
    for status in statuses:
        assert bob.move(order_id, status).status == 200


def test_the_answer_is_the_whole_order(bob, placed):
    reply = bob.move(placed["id"], "CONFIRMED")

    assert 200 == reply.status
    assert '"2"' == reply.headers["ETag"]
    assert reply.json == placed | {
        "status": "CONFIRMED",
        "version": 2,
        "updated_at": reply.json["updated_at"],
        "allowed_transitions": ["PREPARING", "CANCELLED"],
        "buyer_email": "a…@example.org",
    }


def test_order_history_and_entry_are_one_commit(bob, placed, sql, outbox):
    bob.move(placed["id"], "CONFIRMED")

    assert [("order", placed["id"], 0b10_0011_1111)] == outbox.rows
    assert [(1, None, "PENDING"), (2, "PENDING", "CONFIRMED")] == sql(
        "SELECT version, from_status, to_status FROM order_events ORDER BY id"
    )


def test_the_history_names_actor_reason_and_time(alice, placed):
    alice.move(placed["id"], "CANCELLED", "Changed my mind")

    created, cancelled = alice.get(f"/api/orders/{placed['id']}/history").json["events"]
    assert ("order.created", 1, None, "PENDING") == tuple(
        created[key] for key in ("type", "version", "from_status", "to_status")
    )
    assert {"role": "buyer", "id": alice.id} == cancelled["actor"]
    assert "Changed my mind" == cancelled["reason"]
    assert created["at"] < cancelled["at"]


def test_a_stranger_cannot_move_the_order(mallory, bob, placed):
    """To a seller who does not own it, the order does not exist."""
    assert 404 == mallory.move(placed["id"], "CONFIRMED").status
    assert 404 == mallory.move(placed["id"] + 1000, "CONFIRMED").status
    assert "PENDING" == bob.order(placed["id"])["status"]


def test_an_illegal_move_tells_what_is_allowed(bob, placed, outbox):
    reply = bob.move(placed["id"], "DELIVERED")

    assert (409, "illegal_transition") == (reply.status, reply.json["code"])
    assert ["CONFIRMED", "CANCELLED"] == reply.json["allowed_transitions"]
    assert placed["version"] == reply.json["current"]["version"]
    assert [] == outbox.rows


def test_the_same_status_again_is_no_move(bob, placed):
    assert 409 == bob.move(placed["id"], "PENDING").status


def test_a_role_may_only_make_its_own_moves(alice, placed):
    assert 409 == alice.move(placed["id"], "CONFIRMED").status


def test_an_operator_may_make_every_move_of_the_table(olive, placed):
    assert 200 == olive.move(placed["id"], "CONFIRMED").status


def test_a_refusal_names_the_role_in_good_english(olive, alice, placed):
    assert "An operator cannot move" in olive.move(placed["id"], "DELIVERED").json["detail"]
    assert "A buyer cannot move" in alice.move(placed["id"], "DELIVERED").json["detail"]


@pytest.mark.parametrize("status", ["SOLD", "", "confirmed", "x" * 51])
def test_an_unknown_status_is_refused(bob, placed, status):
    assert 422 == bob.move(placed["id"], status).status


def test_a_missing_reason_is_refused(bob, placed):
    reply = bob.move(placed["id"], "CANCELLED")

    assert 422 == reply.status
    assert "reason" in reply.json["detail"]


def test_a_reason_that_only_some_ways_need_is_asked_for_there(olive, bob, alice, placed):
    advance(bob, placed["id"], "CONFIRMED", "PREPARING", "SHIPPED", "DELIVERED")
    alice.move(placed["id"], "RETURN_REQUESTED", "Chipped")

    assert 422 == olive.move(placed["id"], "COMPLETED").status
    assert 200 == olive.move(placed["id"], "COMPLETED", "Completed").status


def test_tracking_comes_with_shipped_and_stays(bob, placed):
    advance(bob, placed["id"], "CONFIRMED", "PREPARING")

    assert TRACKING == bob.move(placed["id"], "SHIPPED", tracking=TRACKING).json["tracking"]
    assert TRACKING == bob.move(placed["id"], "DELIVERED").json["tracking"]


def test_tracking_with_any_other_status_is_refused(bob, placed):
    assert 422 == bob.move(placed["id"], "CONFIRMED", tracking=TRACKING).status


def test_a_stale_version_is_refused(bob, placed):
    bob.move(placed["id"], "CONFIRMED")

    reply = bob.move(placed["id"], "PREPARING", If_Match='"1"')
    assert (412, "stale_version", 2) == (reply.status, reply.json["code"], reply.json["current"]["version"])
    assert 200 == bob.move(placed["id"], "PREPARING", If_Match='"2"').status


def test_the_same_key_and_body_answer_the_same_again(bob, placed, sql):
    first = bob.move(placed["id"], "CONFIRMED", Idempotency_Key="k-1")
    advance(bob, placed["id"], "PREPARING")

    again = bob.move(placed["id"], "CONFIRMED", Idempotency_Key="k-1")
    assert (first.status, first.json, first.headers["ETag"]) == (again.status, again.json, again.headers["ETag"])
    assert [(3,)] == sql("SELECT count(*) FROM order_events")


def test_the_same_key_remembers_the_tracking_of_its_time(bob, placed):
    advance(bob, placed["id"], "CONFIRMED", "PREPARING")
    first = bob.move(placed["id"], "SHIPPED", tracking=TRACKING, Idempotency_Key="k-2")
    advance(bob, placed["id"], "DELIVERED")

    assert first.json == bob.move(placed["id"], "SHIPPED", tracking=TRACKING, Idempotency_Key="k-2").json
    assert 422 == bob.move(placed["id"], "SHIPPED", Idempotency_Key="k-2").status


def test_the_same_key_with_another_body_is_refused(bob, placed):
    bob.move(placed["id"], "CONFIRMED", Idempotency_Key="k-3")

    reply = bob.move(placed["id"], "PREPARING", Idempotency_Key="k-3")
    assert (422, "idempotency_mismatch") == (reply.status, reply.json["code"])


def test_two_people_may_use_the_same_key(bob, alice, placed):
    assert 200 == bob.move(placed["id"], "CONFIRMED", Idempotency_Key="k-4").status
    assert 200 == alice.move(placed["id"], "CANCELLED", "No longer needed", Idempotency_Key="k-4").status


def test_a_key_must_be_a_printable_word(bob, placed):
    assert 422 == bob.move(placed["id"], "CONFIRMED", Idempotency_Key="a b").status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[1]", 400),
        (b"null", 400),
        (b'"CONFIRMED"', 400),
        (b'{"status": "CONFIRMED\\u0000"}', 400),
        (b'{"status": "CONFIRMED", "reason": "\\u0000"}', 400),
        (b'{"status": "\\ud800"}', 400),
        (b'{"status": "CONFIRMED\x00"}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 30_000, 400),
        (b"{}", 422),
        (b'{"status": null}', 422),
        (b'{"status": ["CONFIRMED"]}', 422),
        (b'{"status": {"a": 1}}', 422),
        (b'{"status": NaN}', 422),
        (b'{"status": ' + b"9" * 400 + b"}", 422),
        (b'{"status": "CONFIRMED", "reasn": "typo"}', 422),
        (b'{"status": "CONFIRMED", "reason": "' + b"x" * 1001 + b'"}', 422),
        (b'{"status": "CONFIRMED", "reason": "' + b"x" * 70_000 + b'"}', 413),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else str(value),
)
def test_a_hostile_body_changes_nothing(bob, placed, body, status):
    reply = bob.request("PATCH", f"/api/orders/{placed['id']}/status", body)

    assert status == reply.status
    assert "application/problem+json" == reply.headers["Content-Type"]
    assert {"type", "title", "status", "detail", "code", "request_id"} <= reply.json.keys()
    assert "PENDING" == bob.order(placed["id"])["status"]


def test_an_escaped_backslash_before_u0000_is_plain_text(alice, placed):
    """Six characters that only look like a NUL."""
    body = b'{"status": "CANCELLED", "reason": "see \\\\u0000"}'

    assert 200 == alice.request("PATCH", f"/api/orders/{placed['id']}/status", body).status


@pytest.mark.parametrize("order_id", ["0", "99999999999999999999", "9223372036854775808", "-1", "x"])
def test_an_impossible_id_is_not_found(bob, order_id):
    assert 404 == bob.move(order_id, "CONFIRMED").status


def test_the_history_cannot_be_rewritten(placed, sql):
    for statement in ("UPDATE order_events SET to_status = 'x'", "DELETE FROM order_events"):
        with pytest.raises(Exception, match="append-only"):
            sql(statement)


def test_a_migrated_column_does_not_break_prepared_statements(bob, placed, sql):
    bob.move(placed["id"], "CONFIRMED")
    sql("ALTER TABLE orders ADD COLUMN remark text")
    try:
        assert 200 == bob.move(placed["id"], "PREPARING").status
    finally:
        sql("ALTER TABLE orders DROP COLUMN remark")


def test_a_connection_that_breaks_in_mid_statement_is_looked_up_by_its_key(bob, placed, sql, onward, monkeypatch):
    """The change was committed, and its answer was lost on the way."""
    import psycopg2

    from foundation.connections import PreparedConnection

    run, broken = PreparedConnection.run, []

    def commit_and_lose_the_answer(self, statement, args):
        rows = run(self, statement, args)
        if statement.name == "change_status" and not broken:
            broken.append(True)
            self.close()
            raise psycopg2.OperationalError("server closed the connection unexpectedly")
        return rows

    monkeypatch.setattr(PreparedConnection, "run", commit_and_lose_the_answer)
    reply = bob.move(placed["id"], "CONFIRMED")

    assert (200, 2) == (reply.status, reply.json["version"])
    assert broken
    assert [(2,)] == sql("SELECT count(*) FROM order_events")


def test_a_connection_that_was_cut_before_is_replaced(bob, placed, sql):
    bob.move(placed["id"], "CONFIRMED")
    sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'onward hot'"
        " AND datname = current_database()"
    )

    assert (200, 3) == ((reply := bob.move(placed["id"], "PREPARING")).status, reply.json["version"])
