"""Dry runs of a change: the same checks and responses, and nothing written."""

from __future__ import annotations

import pytest


def rehearse(person, order_id, body, **headers):
    return person.post(f"/api/orders/{order_id}/status/dry-run", body, **headers)


@pytest.fixture
def written(sql, onward):
    """A look at every table that a change could write."""
    tables = ("orders", "order_events", "outbox", "side_effects", "notifications", "messages", "realtime_packs")
    return lambda: [sql(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t") for table in tables]


def test_it_says_what_would_happen_and_writes_nothing(bob, placed, written, outbox):
    before, order = written(), bob.order(placed["id"])

    reply = rehearse(bob, placed["id"], {"status": "CONFIRMED"})
    outbox.run_until_idle()
    assert 200 == reply.status
    assert {"from": "PENDING", "to": "CONFIRMED", "done_before": False}.items() <= reply.json.items()
    assert (
        order
        | {
            "status": "CONFIRMED",
            "version": 2,
            "allowed_transitions": ["PREPARING", "CANCELLED"],
        }
        == reply.json["order"]
    )
    assert "realtime.buyer" in reply.json["effects"]
    assert "ETag" not in reply.headers
    assert before == written()


def test_what_it_says_is_what_happens(bob, placed):
    rehearsed = rehearse(bob, placed["id"], {"status": "CONFIRMED"}).json["order"]

    done = bob.move(placed["id"], "CONFIRMED").json
    assert rehearsed | {"updated_at": done["updated_at"]} == done


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"status": "DELIVERED"}, {}),
        ({"status": "CANCELLED"}, {}),
        ({"status": "SOLD"}, {}),
        ({"status": "CONFIRMED"}, {"If_Match": '"7"'}),
        ({"status": "CONFIRMED", "tracking": {"carrier": "A", "number": "1"}}, {}),
        ({"status": 5}, {}),
    ],
)
def test_it_refuses_what_the_change_refuses(bob, placed, body, headers):
    rehearsed = rehearse(bob, placed["id"], body, **headers)

    meant = bob.request("PATCH", f"/api/orders/{placed['id']}/status", body, **headers)
    for reply in (rehearsed, meant):
        reply.json.pop("request_id")
    assert (rehearsed.status, rehearsed.json) == (meant.status, meant.json)
    assert meant.status in (409, 412, 422)


def test_a_stranger_learns_nothing(mallory, alice, placed):
    assert 404 == rehearse(mallory, placed["id"], {"status": "CONFIRMED"}).status
    assert 409 == rehearse(alice, placed["id"], {"status": "CONFIRMED"}).status


def test_a_key_that_was_used_is_told(bob, placed, written):
    done = bob.move(placed["id"], "CONFIRMED", Idempotency_Key="once")
    before = written()

    again = rehearse(bob, placed["id"], {"status": "CONFIRMED"}, Idempotency_Key="once").json
    assert (True, done.json, []) == (again["done_before"], again["order"], again["effects"])
    assert 422 == rehearse(bob, placed["id"], {"status": "PREPARING"}, Idempotency_Key="once").status
    assert before == written()


def test_a_rehearsal_keeps_no_key(bob, placed):
    rehearse(bob, placed["id"], {"status": "CONFIRMED"}, Idempotency_Key="fresh")

    assert 200 == bob.move(placed["id"], "CANCELLED", "No longer made", Idempotency_Key="fresh").status


@pytest.mark.parametrize("query", ["dry_run=true", "dry_run=false", "dry_run"])
def test_who_asks_as_before_changes_nothing_and_learns_where_to_ask(bob, placed, query):
    """`PATCH …?dry_run=true` was the dry run of earlier versions: if it were ignored, it would make the change."""
    reply = bob.request("PATCH", f"/api/orders/{placed['id']}/status?{query}", {"status": "CONFIRMED"})

    assert (422, "dry_run") == (reply.status, reply.json["errors"][0]["field"])
    assert "/status/dry-run" in reply.json["detail"]
    assert 1 == bob.order(placed["id"])["version"]
