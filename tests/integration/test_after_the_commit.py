"""The response if the database fails after a commit: never that nothing was changed."""

from __future__ import annotations

from contextlib import closing

import psycopg2


def test_a_change_whose_effects_nobody_can_ask_for_is_answered_with_200(bob, placed, settings, sql):
    with closing(psycopg2.connect(settings.dsn)) as other:
        other.cursor().execute("LOCK TABLE side_effects")
        moved = bob.move(placed["id"], "CONFIRMED", Prefer="wait=20")

    assert (200, "pending") == (moved.status, moved.headers["Onward-Effects"])
    assert [("CONFIRMED", 2)] == sql("SELECT status, version FROM orders WHERE id = %s", placed["id"])


def test_a_request_that_fails_after_it_has_committed_a_part_says_so(alice, olive, placed, settings):
    """An erasure goes in pieces that each commit. Somebody's lock is no unreachable database either."""
    alice.post(f"/api/orders/{placed['id']}/messages", {"body": "Hello"})
    with closing(psycopg2.connect(settings.dsn)) as other:
        other.cursor().execute("SELECT FROM messages FOR UPDATE")
        answer = olive.post("/api/ops/personal-data/erase", {"buyer_id": placed["buyer_id"], "reason": "asked for"})

    assert (503, "database_busy", "1") == (answer.status, answer.json["code"], answer.headers["Retry-After"])
    assert "Part of the request was applied" in answer.json["detail"]
    assert "(erased)" == olive.order(placed["id"])["buyer_name"]


def test_a_table_that_somebody_keeps_locked_is_no_unreachable_database(bob, placed, settings):
    with closing(psycopg2.connect(settings.dsn)) as other:
        other.cursor().execute("LOCK TABLE orders")
        answer = bob.get(f"/api/orders/{placed['id']}")

    assert (503, "database_busy", "1") == (answer.status, answer.json["code"], answer.headers["Retry-After"])
    assert "The database did not finish in time. Nothing was changed." == answer.json["detail"]
