"""What a board reads: the open orders by status with their true count, and the last closed ones."""

from __future__ import annotations

import itertools

import orjson
import pytest
from sqlalchemy import text

from foundation.contract import LARGEST_ID
from foundation.db import db
from orders import board as reading
from orders.board import Stretch

LONG_HISTORY = 20_000
TOUCHED_AT_MOST = LONG_HISTORY // 20

HISTORY = """
INSERT INTO orders (number, status, open, seller_id, buyer_id, buyer_name, buyer_email, items, total_minor, currency)
SELECT n::text, CASE WHEN open THEN 'PENDING' ELSE 'COMPLETED' END, open, %s, mod(n, 1000) + 1,
       'Buyer', 'buyer@example.org', '[]', 100, 'EUR'
FROM (SELECT n, mod(n, 200) = 0 AS open FROM generate_series(1, %s) AS n) AS made"""


OPEN = ("PENDING", "CONFIRMED", "PREPARING", "READY", "SHIPPED")


@pytest.fixture
def board(app, onward):
    """What somebody's board reads: the first ids and the number of the open orders by status, and the ids of the
    closed ones."""

    def read(person, limit=50, closed=8):
        workflow = onward.orders.workflow
        with app.app_context():
            pages = reading.pages(workflow, person.principal, [Stretch(one, most=limit) for one in OPEN])
            counts = reading.open_counts(person.principal)
            done = reading.last_closed(workflow, person.principal, closed)
        shown = {status: ids(page.orders) for status, page in zip(OPEN, pages, strict=True)}
        return {one: (count, shown[one]) for one, count in counts.items()}, ids(done)

    return read


def ids(texts):
    return [orjson.loads(text)["id"] for text in texts]


def test_the_longest_waiting_are_shown_and_all_are_counted(cast, bob, board):
    placed = [cast.place()["id"] for _ in range(4)]
    bob.move(placed[0], "CONFIRMED")

    assert {"PENDING": (3, placed[1:3]), "CONFIRMED": (1, placed[:1])} == board(bob, limit=2)[0]


def test_an_order_on_the_board_tells_what_its_reader_may_do_next(app, onward, bob, placed):
    with app.app_context():
        ((order,),) = [
            page.orders for page in reading.pages(onward.orders.workflow, bob.principal, [Stretch("PENDING")])
        ]

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


def test_the_pages_of_a_column_are_all_its_orders_each_once(app, onward, bob, cast):
    placed = [cast.place()["id"] for _ in range(7)]
    bob.move(placed[3], "CONFIRMED")

    def page(after, until=LARGEST_ID):
        with app.app_context():
            (found,) = reading.pages(onward.orders.workflow, bob.principal, [Stretch("PENDING", after, until, most=2)])
        return ids(found.orders), found.more

    assert (placed[:2], True) == page(0)
    assert ([placed[2], placed[4]], True) == page(placed[1])
    assert (placed[5:], False) == page(placed[4])
    assert ([placed[2]], False) == page(placed[1], placed[3])


@pytest.mark.parametrize("reader", ["bob", "olive"])
def test_a_long_history_is_not_read(app, cast, sql, reader):
    """A seller of ten years opens the board as quickly as one of ten days."""
    sql(HISTORY, cast.bob.id, LONG_HISTORY)
    sql("ANALYZE orders")
    principal = getattr(cast, reader).principal

    for statement, values in (
        (reading.pages_sql(principal), {"statuses": ["PENDING"], "after": [0], "until": [LARGEST_ID], "limits": [51]}),
        (reading.counts_sql(principal), {}),
        (reading.closed_sql(principal), {"most": 8, "newest": 100}),
    ):
        values |= {"seller": cast.bob.id} if reader == "bob" else {}
        assert rows_of_orders(app, statement, values) <= TOUCHED_AT_MOST, statement


def test_a_page_of_a_column_reads_no_more_than_it_shows(app, cast, sql):
    """The whole board is not read for it: what lies before its place is passed over by the index."""
    sql(HISTORY, cast.bob.id, LONG_HISTORY)
    sql("UPDATE orders SET open = true, status = 'PENDING', closed_as = NULL")
    sql("ANALYZE orders")
    ((middle,),) = sql("SELECT min(id) + 10000 FROM orders")
    asked = {"statuses": ["PENDING"], "after": [middle], "until": [LARGEST_ID], "limits": [51], "seller": cast.bob.id}

    assert rows_of_orders(app, reading.pages_sql(cast.bob.principal), asked) <= 51 * 2


def rows_of_orders(app, statement, values):
    with app.app_context():
        (plan,) = db.session.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"), values).scalar_one()
    return sum(map(rows_touched, scans(plan["Plan"])))


def scans(node):
    """All nodes of a plan that read orders."""
    below = itertools.chain.from_iterable(map(scans, node.get("Plans", ())))
    return [*([node] if node.get("Relation Name") == "orders" else []), *below]


def rows_touched(node):
    return (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
