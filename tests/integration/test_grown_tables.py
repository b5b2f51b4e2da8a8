"""Operations on very many rows run in chunks that each commit, and find their rows by an index."""

from __future__ import annotations

import re
from contextlib import closing

import gevent
import psycopg2
import pytest
from sqlalchemy import text

from access import idempotency
from access.principal import Principal
from foundation import db
from foundation.connections import PREPARED_OPTIONS
from notifications import inbox
from operations import completeness
from orders import personal
from outbox import ledger
from process import onward_of
from realtime import erasure

MANY = 20_000
EVENTS = """INSERT INTO realtime_events (seq, channel, type, data, order_id)
    SELECT -n, 'seller:1', 'order.status_changed', '{{"order":{{"id":' || 10000000 + n || '}}}}', {order}
    FROM generate_series(1, {many}) AS n"""
PACKS = """INSERT INTO realtime_packs (seq, channel, other, recipe, pieces)
    SELECT 1000000 + n, 'seller:1', 'buyer:' || 1000 + n, 'order.created 0 0', '{{}}'
    FROM generate_series(1, {many}) AS n"""
NOTICES = """INSERT INTO notifications (event_id, order_id, kind, recipient_role, recipient_id, title, body, created_at)
    SELECT -n, 1, 'generic', 'seller', 1, '', '', clock_timestamp() - n * interval '{age}'
    FROM generate_series(1, {many}) AS n"""
ERRORS = """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status, last_error)
    SELECT 'email.status', 'mail-server', 'order', -n, -n, 'succeeded', 'x' FROM generate_series(1, {many}) AS n"""
ANSWERS = """INSERT INTO idempotency_keys (principal, key, fingerprint, status, body, order_ids)
    SELECT 'seller:1', 'k' || n, '', 200, '{{"order_id":' || 10000000 + n || '}}', {orders}
    FROM generate_series(1, {many}) AS n"""


@pytest.fixture
def small_pieces(monkeypatch):
    """Several pieces of what a test can write."""
    for module in (db, inbox, erasure, idempotency):
        monkeypatch.setattr(module, "PIECE", 3)


@pytest.fixture
def told(cast, outbox, alice, bob):
    """An order of alice's on which more was said than fits into one piece."""
    order = cast.place()["id"]
    for number in range(4):
        alice.post(f"/api/orders/{order}/messages", {"body": f"my knee hurts {number}"}, Idempotency_Key=f"k-{number}")
        bob.post(f"/api/orders/{order}/messages", {"body": f"is it your knee {number}"}, Idempotency_Key=f"k-{number}")
    bob.move(order, "CANCELLED", "a knee")
    outbox.run_until_idle()
    return order


def erase(olive, alice, **headers):
    return olive.post("/api/ops/personal-data/erase", {"buyer_id": alice.id, "reason": "asked"}, **headers)


def read_by(plan):
    """The most rows that one step of a plan has read."""
    mine = plan["Actual Rows"] * plan["Actual Loops"] + plan.get("Rows Removed by Filter", 0)
    return max([mine, *(read_by(child) for child in plan.get("Plans", ()))])


def left(sql, word):
    tables = ("realtime_packs", "realtime_events", "messages", "notifications", "order_reasons", "idempotency_keys")
    return {
        table: n
        for table in tables
        if (n := sql(f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%%{word}%%'")[0][0])
    }


@pytest.mark.parametrize("headers", [{}, {"Idempotency_Key": "once"}], ids=["plain", "keyed"])
def test_nothing_is_left_after_many_pieces(olive, alice, told, sql, small_pieces, headers):
    assert {"realtime_packs", "messages", "notifications", "order_reasons", "idempotency_keys"} == set(
        left(sql, "knee")
    )

    erased = erase(olive, alice, **headers)

    assert 200 == erased.status, erased.json
    assert {} == left(sql, "knee")
    assert (1, 1, 8) == tuple(erased.json[name] for name in ("orders", "reasons", "messages"))
    if headers:
        assert erased.json == erase(olive, alice, **headers).json


def test_who_was_erased_half_is_erased_wholly_by_asking_again(app, olive, alice, told, sql, small_pieces, monkeypatch):
    done = []

    def die(*_):
        done.append(left(sql, "knee"))
        raise ConnectionError

    monkeypatch.setattr(erasure, "erase", die)
    with app.app_context(), pytest.raises(ConnectionError):
        personal.erase(alice.id, "a test", "asked")
    assert ["realtime_packs", "idempotency_keys"] == list(done[0]), "what came before is committed"
    monkeypatch.undo()

    assert 200 == erase(olive, alice).status
    assert {} == left(sql, "knee")


def test_what_a_version_of_before_wrote_is_erased_too(in_rows, olive, alice, told, sql, small_pieces):
    sql("UPDATE realtime_events SET order_id = NULL")
    sql("UPDATE idempotency_keys SET order_ids = NULL")
    sql(EVENTS.format(many=10, order="NULL"))
    sql(ANSWERS.format(many=10, orders="NULL"))

    erase(olive, alice)

    assert {} == left(sql, "knee")
    assert [(10,)] == sql("SELECT count(*) FROM idempotency_keys WHERE key ~ '^k[0-9]' AND body IS NOT NULL")


def test_no_lock_of_an_order_is_held_while_the_events_are_rewritten(app, olive, alice, bob, told, sql, monkeypatch):
    """Others' changes waited as long as the whole of it took."""
    another, erase_events = [], erasure.erase

    def look(*args):
        with gevent.Timeout(1):
            another.extend(sql("SELECT id FROM orders WHERE id = %s FOR UPDATE NOWAIT", told))
        return erase_events(*args)

    monkeypatch.setattr(erasure, "erase", look)
    assert 200 == erase(olive, alice).status
    assert [(told,)] == another


@pytest.mark.parametrize(
    "order", ["10000000 + n", "NULLIF(10000000 + n, n * (n % 2))"], ids=["", "beside some without"]
)
def test_the_events_of_an_order_are_found_by_it(app, told, order):
    values = {"orders": [told], "after": 0, "piece": 2000, "name": "x"}
    assert read_by(explained(app, EVENTS.format(many=MANY, order=order), erasure.ERASE, values)) <= 200


def test_the_packs_of_a_buyer_are_found_by_the_channel(app, told):
    values = {"channel": "buyer:1", "after": 0, "piece": 2000, "name": "x"}
    assert read_by(explained(app, PACKS.format(many=MANY), erasure.ERASE_PACKS, values)) <= 200


def test_the_answers_about_an_order_are_found_by_it(app, told):
    fill = ANSWERS.format(many=MANY, orders="ARRAY[10000000 + n]")
    assert read_by(explained(app, fill, idempotency.FORGET_ANSWERS, {"orders": [told], "piece": 2000})) <= 200


def test_the_errors_about_an_order_are_found_by_its_events(app, told):
    values = {"orders": [told], "piece": 2000}
    assert read_by(explained(app, ERRORS.format(many=MANY), personal.ERASE_ERRORS, values)) <= 200


def test_everything_is_marked_as_read_however_much_it_is(bob, sql, outbox):
    sql(NOTICES.format(many=MANY, age="1 s"))

    answer = bob.post("/api/notifications/read", {"up_to": 2**53 - 1}, Idempotency_Key="read")

    assert (200, 0) == (answer.status, answer.json["unread_count"])
    assert [] == sql("SELECT FROM notifications WHERE read_at IS NULL")


def test_what_was_marked_stays_marked_when_the_rest_cannot_be(app, empty, sql, small_pieces, monkeypatch):
    """Each piece commits: asking again goes on where it ended."""
    sql(NOTICES.format(many=7, age="1 s"))
    commit = db.db.session.commit

    def commit_and_die():
        commit()
        raise ConnectionError

    monkeypatch.setattr(db.db.session, "commit", commit_and_die)
    with app.app_context(), pytest.raises(ConnectionError):
        inbox.Marks(lambda *_: None).up_to(Principal("seller", 1), 2**53 - 1)

    assert [(3,)] == sql("SELECT count(*) FROM notifications WHERE read_at IS NOT NULL")


def test_no_piece_marks_more_than_a_piece(app, empty):
    values = {"id": 1, "role": "seller", "up_to": 2**53 - 1, "piece": 2000}
    assert read_by(explained(app, NOTICES.format(many=MANY, age="1 s"), inbox.READ, values)) <= 2000


@pytest.mark.parametrize("order", ["1", "n"])
def test_entries_and_their_count_read_little_of_long_bursts_and_of_many_orders(app, empty, order):
    fill = f"""INSERT INTO notifications (event_id, order_id, kind, recipient_role, recipient_id, title, body)
        SELECT -n, {order}, 'generic', 'seller', 1, '', '' FROM generate_series(1, {MANY}) AS n"""
    page = {"id": 1, "role": "seller", "before": 2**53 - 1, "limit": 50}
    assert read_by(explained(app, fill, inbox.ENTRIES, page)) <= inbox.ROWS_READ
    assert read_by(explained(app, fill, inbox.UNREAD, {"roles": ["seller"], "ids": [1]})) <= inbox.ROWS_READ


def test_old_notifications_leave_the_inbox(app, sql, outbox):
    sql(NOTICES.format(many=5000, age="1 s"))
    (newest,) = sql("SELECT max(id) FROM notifications")
    sql("UPDATE notifications SET created_at = created_at - interval '91 days' WHERE id < %s - 9", *newest)

    onward_of(app).pruner.prune()

    assert [(10,)] == sql("SELECT count(*) FROM notifications")


def test_old_changes_of_circuits_are_deleted_except_the_last_of_each_destination(app, empty, sql):
    sql(
        """INSERT INTO circuit_changes (destination, state, reason, at)
        SELECT destination, 'open', n, clock_timestamp() - n * interval '40 days'
        FROM generate_series(4, 1, -1) AS n, (VALUES ('warehouse'), ('courier')) AS d (destination)
        WHERE n > 2 OR destination = 'warehouse'"""
    )

    onward_of(app).pruner.prune()

    left = sql("SELECT destination, reason FROM circuit_changes ORDER BY id")
    assert [("courier", "3"), ("warehouse", "2"), ("warehouse", "1")] == left


def explained(app, fill, statement, values):
    """How a statement is done in a table that was filled; everything, statistics too, is as it was before."""
    with app.app_context():
        db.db.session.execute(text(fill))
        db.db.session.execute(text(f"ANALYZE {fill.split()[2]}"))
        (plan,) = db.db.session.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.text}"), values).scalar_one()
        db.db.session.rollback()
    return plan["Plan"]


def test_a_conversation_is_read_by_pages_from_the_newest_back(alice, bob, placed, outbox):
    path = f"/api/orders/{placed['id']}/messages"
    for number in range(7):
        alice.post(path, {"body": f"word {number}"})
    newest = bob.get(f"{path}?limit=3")
    earlier = bob.get(f"{path}?limit=3&cursor={newest.json['next_cursor']}")
    first = bob.get(f"{path}?limit=3&cursor={earlier.json['next_cursor']}")

    assert [["word 4", "word 5", "word 6"], ["word 1", "word 2", "word 3"], ["word 0"]] == [
        [one["body"] for one in page.json["messages"]] for page in (newest, earlier, first)
    ]
    assert None is first.json["next_cursor"]
    assert f'<{path}?limit=3&cursor={newest.json["next_cursor"]}>; rel="next"' == newest.headers["Link"]


LONG = """INSERT INTO order_events (order_id, version, type, from_status, to_status, actor_role, actor_id, seller_id,
        buyer_id, idempotency_key, request_id)
    SELECT %s, n, 'order.status_changed', 'PENDING', 'CONFIRMED', 'seller', 1, 1, 1, 'long-' || n, ''
    FROM generate_series(2, 450) AS n"""


@pytest.fixture
def long(placed, sql):
    """An order that was changed 449 times."""
    sql(LONG, placed["id"])
    sql("UPDATE orders SET version = 450 WHERE id = %s", placed["id"])
    return placed["id"]


def test_a_history_is_read_by_pages_from_the_oldest_on(bob, long):
    path, seen = f"/api/orders/{long}/history", []
    following = path
    while following:
        page = bob.get(following)
        seen.append([one["version"] for one in page.json["events"]])
        following = (re.findall(r"<([^>]+)>", page.headers.get("Link", "")) or [None])[0]

    assert [200, 200, 50] == [len(page) for page in seen]
    assert [*range(1, 451)] == [version for page in seen for version in page]
    assert [450] == [one["version"] for one in bob.get(f"{path}?cursor=449&limit=1").json["events"]]
    assert [422] * 3 == [bob.get(f"{path}?{wrong}").status for wrong in ("cursor=-1", "cursor=x", "limit=201")]


def test_an_orders_page_shows_the_newest_of_its_history(long, visit):
    page = visit("bob").get(f"/seller/orders/{long}").text

    assert 200 == page.count('class="entry"')
    assert "Earlier changes are not shown." in page


def test_an_orders_page_shows_the_newest_messages_and_a_way_to_the_earlier(alice, placed, outbox, visit, sql):
    sql(
        """INSERT INTO messages (order_id, kind, seller_id, buyer_id, author_role, author_id, body)
        SELECT %s, 'person', 1, 1, 'buyer', 1, 'word ' || n || '!' FROM generate_series(1, 60) AS n""",
        placed["id"],
    )
    alice_at_home = visit("alice")
    page = alice_at_home.get(f"/buyer/orders/{placed['id']}").text
    (earlier,) = re.findall(r'href="(\?before=\d+)#messages"', page)
    before = alice_at_home.get(f"/buyer/orders/{placed['id']}{earlier}").text

    assert ["word 11!", "word 60!"] == [re.findall(r"word \d+!", page)[at] for at in (0, -1)]
    assert ["word 1!", "word 10!"] == [re.findall(r"word \d+!", before)[at] for at in (0, -1)]
    assert "?before" not in before
    assert 200 == alice_at_home.get(f"/buyer/orders/{placed['id']}?before=x").status_code


def test_a_history_finds_its_side_effects_by_its_events(settings, told):
    with closing(psycopg2.connect(settings.dsn, options=PREPARED_OPTIONS)) as connection:
        cursor = connection.cursor()
        cursor.execute(ERRORS.format(many=MANY))
        cursor.execute("ANALYZE side_effects")
        cursor.execute(ledger.OF_ORDER.prepare)
        cursor.execute(f"EXPLAIN (FORMAT JSON, ANALYZE) {ledger.OF_ORDER.execute}", ("order", told, [told]))
        plan = cursor.fetchone()[0][0]["Plan"]

    assert read_by(plan) <= 200


def test_what_is_missing_is_looked_for_in_pieces(app, told, sql, monkeypatch):
    monkeypatch.setattr(completeness, "PIECE", 2)
    with app.app_context():
        event_types = onward_of(app).engine.event_types.values()
        assert [] == list(completeness.missing(event_types, 24))
        sql("DELETE FROM messages WHERE kind = 'system'")
        monkeypatch.setattr(completeness, "COMPLETED_AFTER_SECONDS", -1)
        assert {"chat.message"} == {one.effect for one in completeness.missing(event_types, 24)}
