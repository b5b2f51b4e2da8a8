"""What a board reads: the open orders by status with their true count, and the last closed ones."""

from __future__ import annotations

import itertools

import orjson
import pytest
from sqlalchemy import text

from foundation.db import db
from orders import queries

LONG_HISTORY = 20_000
TOUCHED_AT_MOST = LONG_HISTORY // 20

HISTORY = """
INSERT INTO orders (number, status, open, seller_id, buyer_id, buyer_name, buyer_email, items, total_minor, currency)
SELECT n::text, CASE WHEN open THEN 'PENDING' ELSE 'COMPLETED' END, open, %s, mod(n, 1000) + 1,
       'Buyer', 'buyer@example.org', '[]', 100, 'EUR'
FROM (SELECT n, mod(n, 200) = 0 AS open FROM generate_series(1, %s) AS n) AS made"""


@pytest.fixture
def board(app, onward):
    """What somebody's board reads: ids and counts of the open orders by status, and the ids of the closed ones."""

    def read(person, limit=50, closed=8):
        with app.app_context():
            found, done = queries.board(onward.orders.workflow, person.principal, limit, closed)
        return {status: (one.count, ids(one.orders)) for status, one in found.items()}, ids(done)

    return read


def ids(texts):
    return [orjson.loads(text)["id"] for text in texts]


def test_the_longest_waiting_are_shown_and_all_are_counted(cast, bob, board):
    placed = [cast.place()["id"] for _ in range(4)]
    bob.move(placed[0], "CONFIRMED")

    assert {"PENDING": (3, placed[1:3]), "CONFIRMED": (1, placed[:1])} == board(bob, limit=2)[0]


def test_an_order_on_the_board_tells_what_its_reader_may_do_next(app, onward, bob, placed):
    with app.app_context():
        (order,) = queries.board(onward.orders.workflow, bob.principal, 50, 8)[0]["PENDING"].orders

    assert bob.order(placed["id"]) == orjson.loads(order)


def test_what_was_closed_last_comes_first_however_old_it_is(cast, alice, board, bob):
    old, middle, new = (cast.place()["id"] for _ in range(3))
    for order in (new, middle, old):
        alice.move(order, "CANCELLED", "No longer needed")

    assert ({}, [old, middle]) == board(bob, closed=2)


def test_everybody_has_a_board_of_their_own_and_operators_have_all(cast, board, bob, mallory, olive):
    order = cast.place()["id"]

    assert {"PENDING": (1, [order])} == board(bob)[0] == board(olive)[0]
    assert ({}, []) == board(mallory)


@pytest.mark.parametrize("reader", ["bob", "olive"])
def test_a_long_history_is_not_read(app, cast, sql, reader):
    """A seller of ten years opens the board as quickly as one of ten days."""
    sql(HISTORY, cast.bob.id, LONG_HISTORY)
    sql("ANALYZE orders")
    principal = getattr(cast, reader).principal

    statement = queries.board_sql(principal)
    values = {"limit": 50, "closed": 8, "newest_closed": 100} | ({"seller": cast.bob.id} if reader == "bob" else {})
    with app.app_context():
        (plan,) = db.session.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"), values).scalar_one()

    touched = sum(map(rows_touched, scans(plan["Plan"])))
    assert 100 <= touched <= TOUCHED_AT_MOST, plan


def scans(node):
    """All nodes of a plan that read orders."""
    below = itertools.chain.from_iterable(map(scans, node.get("Plans", ())))
    return [*([node] if node.get("Relation Name") == "orders" else []), *below]


def rows_touched(node):
    return (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
