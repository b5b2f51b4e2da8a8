"""A row of an effect that is there already: it stays one, and nobody is told twice."""

from __future__ import annotations

NOTICE = """INSERT INTO notifications (event_id, order_id, kind, recipient_role, recipient_id, title, body)
    SELECT id, order_id, 'generic', 'buyer', %s, '', '' FROM order_events ORDER BY id DESC LIMIT 1"""


def test_what_is_there_already_is_neither_written_nor_announced_again(form, cast, bob, outbox, sql):
    """The batch's own statement does not look for it and fails; the effects are then tried one by one, and do."""
    order = cast.place()
    outbox.run_until_idle()
    sql("TRUNCATE realtime_packs, realtime_events")
    bob.move(order["id"], "CONFIRMED")
    sql(NOTICE, cast.alice.id)
    outbox.run_until_idle()

    assert [] == outbox.rows
    assert [] == outbox.effects
    assert [("buyer",)] == sql("SELECT recipient_role FROM notifications WHERE kind = 'generic'")
    told = sql("SELECT channel, type FROM live_events ORDER BY channel, type")
    assert 5 == len(told)
    assert 1 == told.count((f"buyer:{cast.alice.id}", "order.status_changed"))
    assert 1 == told.count((f"buyer:{cast.alice.id}", "notification.created")), "the status's own"
