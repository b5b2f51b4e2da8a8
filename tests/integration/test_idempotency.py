"""A request that is repeated with its key is applied once, and answered the same again."""

from __future__ import annotations

import gevent
import pytest

from foundation import db

AT_ONCE = 50
COLD_CONNECTIONS = 3
"""For a fourth, a process that is not patched would stand still."""


def say(person, order, body="Hello", key="k"):
    return person.post(f"/api/orders/{order['id']}/messages", {"body": body}, Idempotency_Key=key)


def test_the_same_request_is_done_once_and_answered_the_same(alice, placed, sql):
    first = say(alice, placed)
    again = say(alice, placed)

    assert (201, first.json) == (again.status, again.json)
    assert [(1,)] == sql("SELECT count(*) FROM messages WHERE kind = 'person'")


def test_another_request_with_the_key_is_refused(alice, placed, sql):
    say(alice, placed)

    assert (422, "idempotency_mismatch") == ((reply := say(alice, placed, "Bye")).status, reply.json["code"])
    assert 422 == alice.post("/api/notifications/read", {"up_to": 1}, Idempotency_Key="k").status
    assert [(1,)] == sql("SELECT count(*) FROM messages WHERE kind = 'person'")


def test_a_key_belongs_to_who_sends_it(alice, bob, placed, sql):
    """Buyer 1 and seller 1 are two people."""
    assert [201, 201] == [say(person, placed).status for person in (alice, bob)]
    assert [(2,)] == sql("SELECT count(*) FROM messages WHERE kind = 'person'")


def test_what_was_refused_leaves_its_key_free(alice, placed):
    assert 422 == say(alice, placed, "").status
    assert 201 == say(alice, placed).status


@pytest.mark.parametrize("key", ["with a blank", "x" * 201, "\u00e9"])
def test_a_key_has_to_look_like_one(alice, placed, key):
    assert 422 == say(alice, placed, key=key).status


def test_a_crowd_with_one_key_says_it_once(alice, placed, sql):
    """Who comes while the first is under way is told so, and may ask again."""
    asked = [gevent.spawn(say, alice, placed) for _ in range(COLD_CONNECTIONS)]
    gevent.joinall(asked, raise_error=True)

    assert {201} <= {one.value.status for one in asked} <= {201, 409}
    assert {"idempotency_in_progress"} >= {one.value.json["code"] for one in asked if one.value.status == 409}
    assert 1 == len({one.value.json["id"] for one in asked if one.value.status == 201})
    assert [(1,)] == sql("SELECT count(*) FROM messages WHERE kind = 'person'")


def test_what_dies_before_its_answer_is_kept_has_not_happened(alice, placed, sql, monkeypatch):
    """Both are one transaction, so a retry after a crash does it, once."""
    commit, died = db.db.session.commit, []

    def die():
        if not died:
            died.append(True)
            raise SystemExit
        commit()

    monkeypatch.setattr(db.db.session, "commit", die)
    with pytest.raises(SystemExit):
        say(alice, placed)
    assert [(0,)] == sql("SELECT count(*) FROM messages WHERE kind = 'person'")

    assert 201 == say(alice, placed).status
    assert [(1,)] == sql("SELECT count(*) FROM messages WHERE kind = 'person'")


def test_a_secret_is_told_once(bob, sql):
    assert 201 == bob.post("/api/stream-tickets", None, Idempotency_Key="k").status

    assert (409, "answer_not_kept") == (
        (again := bob.post("/api/stream-tickets", None, Idempotency_Key="k")).status,
        again.json["code"],
    )
    assert [(1, None)] == sql("SELECT count(*), max(body) FROM idempotency_keys")


def test_a_kept_answer_goes_after_a_day(alice, placed, sql):
    say(alice, placed)
    sql("UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'")
    say(alice, placed, key="another")

    assert [("another",)] == sql("SELECT key FROM idempotency_keys")


def test_a_crowd_with_one_key_moves_an_order_once(bob, placed, sql):
    """The history is the record; nobody has to ask again."""
    bob.get("/api/me")  # known from here on; fifty look-ups at once would wait for three connections
    asked = [gevent.spawn(bob.move, placed["id"], "CONFIRMED", Idempotency_Key="m") for _ in range(AT_ONCE)]
    gevent.joinall(asked, raise_error=True)

    assert {(200, 2)} == {(one.value.status, one.value.json["version"]) for one in asked}
    assert [(1,)] == sql("SELECT count(*) FROM order_events WHERE version = 2")
