"""Poison: an effect that cannot be done affects none of the others, alone or in a batch."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest

from foundation import locks
from foundation.connections import Statement
from outbox import batches


def test_one_poisoned_effect_touches_none_of_the_others(mode, placed, bob, alice, outbox, sql, caplog):
    """The chat is broken for this order: all else happens, and the chat's part stays pending."""
    sql("ALTER TABLE messages ADD CONSTRAINT poison CHECK (kind <> 'system') NOT VALID")
    try:
        bob.move(placed["id"], "CONFIRMED")
        outbox.run_until_idle()
        assert 2 == len(alice.get("/api/notifications").json["notifications"])
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
        assert [(poisoned,)] == sql("SELECT order_id FROM side_effects")
        assert [(6,)] == sql("SELECT count(*) FROM messages")
    finally:
        sql("ALTER TABLE messages DROP CONSTRAINT poison")


def messages_of(sql):
    """Which orders were given a message, as often as they were."""
    return [id for (id,) in sql("SELECT order_id FROM messages ORDER BY order_id")]


def test_a_locked_entry_is_split_off_and_waits_for_its_lock(settings, cast, bob, outbox, onward, sql):
    """Retried as a whole, the batch waited for the lock again and again, and with it everybody's effects."""
    orders = [cast.place()["id"] for _ in range(5)]
    outbox.run_until_idle()
    for id in orders:
        bob.move(id, "CONFIRMED")
    locked = orders[2]
    with closing(psycopg2.connect(settings.dsn)) as somebody:
        somebody.cursor().execute(f"SELECT FROM outbox WHERE order_id = {locked} FOR UPDATE")
        while onward.engine.writer.waiting > 1:
            onward.engine.writer.flush()
        assert [id for id in orders if id != locked] == messages_of(sql)
        bob.move(orders[0], "PREPARING")
        onward.engine.writer.flush()
        assert 5 == len(messages_of(sql)), "who comes later waits for nobody"
    outbox.run_until_idle()

    assert sorted([*orders, orders[0]]) == messages_of(sql)
    assert [] == outbox.rows


@pytest.fixture
def slow_chat(sql):
    """The conversation of one order takes for ever."""

    def slow(order_id):
        sql(
            f"""CREATE FUNCTION sleep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN
                IF NEW.order_id = {order_id} THEN PERFORM pg_sleep(20); END IF; RETURN NEW; END'"""
        )
        sql("CREATE TRIGGER slow BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION sleep()")

    yield slow
    sql("DROP TRIGGER IF EXISTS slow ON messages; DROP FUNCTION IF EXISTS sleep")


def test_an_effect_that_takes_for_ever_gets_a_row_and_blocks_nobody(cast, bob, outbox, sql, slow_chat, monkeypatch):
    monkeypatch.setattr(batches, "ALONE_SECONDS", ())
    orders = [cast.place()["id"] for _ in range(3)]
    outbox.run_until_idle()
    slow_chat(orders[0])
    for id in orders:
        bob.move(id, "CONFIRMED")
    outbox.run_until_idle()

    assert [] == outbox.rows
    assert orders[1:] == messages_of(sql)
    assert {(orders[0], "pending", 1)} == set(sql("SELECT order_id, status, attempts FROM side_effects"))
    outbox.try_again()
    assert [("chat.message",)] == sql("SELECT kind FROM side_effects WHERE status <> 'succeeded'")
    sql("DROP TRIGGER slow ON messages")
    outbox.try_again()
    assert orders == messages_of(sql)
    assert [(1,)] * 3 == sql(
        "SELECT count(*) FROM notifications WHERE kind = 'generic' AND title <> '' GROUP BY order_id"
    )


def test_a_log_that_is_locked_is_nobodys_fault(settings, placed, bob, outbox, onward, sql):
    """Then nothing can be done for anybody, and nothing is taken for poison."""
    engine = onward.engine
    engine._pool.run(Statement("hurry", (), "SELECT set_config('lock_timeout', '100ms', false)"), ())
    bob.move(placed["id"], "CONFIRMED")
    with closing(psycopg2.connect(settings.dsn)) as somebody:
        somebody.cursor().execute(f"SELECT pg_advisory_xact_lock({locks.APPEND})")
        assert not engine.writer.flush()
        assert not engine.writer.flush()
    assert engine.writer.flush()
    engine._pool.close()

    assert [placed["id"]] == messages_of(sql)
    assert [] == outbox.effects
