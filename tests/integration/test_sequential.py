"""The original behaviour as a mode: every effect before the response."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def sequential(onward):
    onward.engine.modes.learn({"*": "sequential"})
    yield
    onward.engine.modes.learn({})


def test_everything_has_happened_when_the_answer_comes(cast, bob, alice):
    order = cast.place()

    assert 200 == bob.move(order["id"], "CONFIRMED").status
    assert 2 == len(alice.get("/api/notifications").json["notifications"])
    assert 1 == len(bob.get(f"/api/orders/{order['id']}/messages").json["messages"])


def test_a_failed_effect_is_kept_and_logged_and_the_answer_stays_200(cast, bob, alice, sql, outbox, caplog):
    order = cast.place()
    outbox.run_until_idle()
    sql("ALTER TABLE messages ADD CONSTRAINT poison CHECK (kind <> 'system') NOT VALID")
    try:
        assert 200 == bob.move(order["id"], "CONFIRMED").status
    finally:
        sql("ALTER TABLE messages DROP CONSTRAINT poison")

    assert 2 == len(alice.get("/api/notifications").json["notifications"])
    assert [("chat.message", "inside", "pending", 1)] == outbox.effects
    assert f"Background task 6/6 failed in order-status-update:{order['id']}" in caplog.text
