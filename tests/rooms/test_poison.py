"""Poison: an effect that cannot be done touches none of the others, alone or in a batch."""

from __future__ import annotations


def test_one_poisoned_effect_touches_none_of_the_others(mode, placed, bob, alice, outbox, sql, caplog):
    """The chat is broken for this order: all else happens, and the chat's part stays owed."""
    sql("ALTER TABLE messages ADD CONSTRAINT poison CHECK (kind <> 'system') NOT VALID")
    try:
        bob.move(placed["id"], "CONFIRMED")
        outbox.run_until_idle()
        assert 2 == alice.get("/api/notifications").json["unread_count"]
        assert [] == outbox.rows
        assert [("chat.message", "inside", "pending", 1)] == outbox.effects
        assert f"Background task 6/6 failed in order-status-update:{placed['id']}" in caplog.text
    finally:
        sql("ALTER TABLE messages DROP CONSTRAINT poison")
    outbox.try_again()

    assert [("chat.message", "inside", "succeeded", 2)] == outbox.effects
    assert 1 == len(bob.get(f"/api/orders/{placed['id']}/messages").json["messages"])


def test_poison_in_a_batch_is_split_off_until_it_stands_alone(cast, bob, outbox, sql):
    orders = [cast.place() for _ in range(7)]
    outbox.run_until_idle()
    poisoned = orders[3]["id"]
    sql(f"ALTER TABLE messages ADD CONSTRAINT poison CHECK (order_id <> {poisoned}) NOT VALID")
    try:
        for order in orders:
            bob.move(order["id"], "CONFIRMED")
        outbox.run_until_idle()
        assert [] == outbox.rows
        assert [(poisoned,)] == sql("SELECT ref FROM side_effects")
        assert [(6,)] == sql("SELECT count(*) FROM messages")
    finally:
        sql("ALTER TABLE messages DROP CONSTRAINT poison")
