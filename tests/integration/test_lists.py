"""Lists of orders: filtered, searched, sorted, and page by page."""

from __future__ import annotations

import re

import pytest

from orders import counts as listing_counts
from orders import last_changes, searching

BUYERS = ("Alice Archer", "Ümit Öz", "Carol O'Neill-Chen")


@pytest.fixture
def orders(cast):
    """Five of bob's orders, the first one placed first."""
    people = ((1, 0), (2, 1), (3, 2), (1, 0), (2, 1))
    return [
        cast.place(buyer_id=buyer, buyer_name=BUYERS[who], number=f"2026-{9 - number}.x")
        for number, (buyer, who) in enumerate(people)
    ]


@pytest.fixture
def found(orders):
    """Which of the five are in somebody's list, by their place, in the list's order."""
    places = {order["id"]: place for place, order in enumerate(orders)}

    def ask(person, query):
        reply = person.get(f"/api/orders?{query}")
        assert 200 == reply.status, reply
        return [places[order["id"]] for order in reply.json["orders"]]

    return ask


@pytest.fixture(params=["walk", "index"])
def way(request, monkeypatch):
    """A search looks at one order after the other, or asks the index."""
    if request.param == "index":
        monkeypatch.setattr(searching, "LOOKED_AT", (0,))
        monkeypatch.setattr(searching, "MANY", 1)


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("", [4, 3, 2, 1, 0]),
        ("sort=oldest", [0, 1, 2, 3, 4]),
        ("sort=number", [4, 3, 2, 1, 0]),
        ("buyer_id=2", [4, 1]),
        ("buyer_id=2&sort=oldest", [1, 4]),
        ("seller_id=1&buyer_id=3", [2]),
        ("seller_id=2", []),
        ("number=2026-8.x", [1]),
        ("number=2026-8", []),
        ("q=alice", [3, 0]),
        ("q=ARCH+ali", [3, 0]),
        ("q=lice", []),
        ("q=neill", [2]),
        ("q=o'neill-chen", [2]),
        ("q=", [4, 3, 2, 1, 0]),
        ("q=%C3%B6z", [4, 1]),
        ("q=2026-9", [0]),
        ("q=2026", [4, 3, 2, 1, 0]),
        ("q=alice+carol", []),
        ("q=%27:*%20%7C%20%21%20%5C", []),
        ("q=alice&buyer_id=2", []),
        ("placed_from=2020-01-01&placed_until=2099-01-01T00:00:00Z", [4, 3, 2, 1, 0]),
        ("placed_until=2020-01-01", []),
        ("placed_from=2099-01-01T00:00:00%2B05:00", []),
        ("placed_from=2099-01-01T00:00:00%2B23:00", []),
        ("status=PENDING,CONFIRMED,CANCELLED", [4, 3, 2, 1, 0]),
    ],
)
def test_a_list_is_what_was_asked_for(bob, found, way, query, places):
    assert places == found(bob, query)


def test_dates_limit_from_the_first_moment_to_before_the_last(bob, orders, found):
    moments = [order["created_at"].replace("+", "%2B") for order in orders]

    assert [3, 2, 1] == found(bob, f"placed_from={moments[1]}&placed_until={moments[4]}")


def test_an_order_is_found_by_what_it_is_called_now(bob, orders, found, sql):
    """The buyer's name was changed, or erased."""
    sql("UPDATE orders SET buyer_name = 'Zoe' WHERE id = %s", orders[0]["id"])

    assert ([3], [0]) == (found(bob, "q=alice"), found(bob, "q=zoe"))


def test_several_statuses_may_be_asked_for(cast, alice, bob, orders, found):
    bob.move(orders[1]["id"], "CONFIRMED")
    alice.move(orders[0]["id"], "CANCELLED", "No longer needed")

    assert [1] == found(bob, "status=CONFIRMED")
    assert [0] == found(bob, "status=CANCELLED,REFUNDED")
    assert [1, 0] == found(bob, "status=CONFIRMED,CANCELLED")
    assert [4, 3, 2, 1] == found(bob, "status=CONFIRMED,PENDING")


@pytest.mark.parametrize("closed", ["NULL", "CASE WHEN id % 2 = 0 THEN closed_as END"], ids=["all", "some"])
def test_an_order_that_the_version_before_closed_is_found_and_filled(alice, bob, orders, found, sql, onward, closed):
    """That version does not know the column; the one before it does not either."""
    for place in (0, 3):
        alice.move(orders[place]["id"], "CANCELLED", "No longer needed")
    assert ["CANCELLED"] * 2 == [closed_as for (closed_as,) in sql("SELECT closed_as FROM orders WHERE NOT open")]
    sql(f"UPDATE orders SET closed_as = {closed}")

    for _ in range(2):
        assert [3, 0] == found(bob, "status=CANCELLED,CANCELLED")
        assert [0, 3] == found(bob, "status=CANCELLED,REFUNDED&sort=oldest")
        assert [4, 3, 2, 1, 0] == found(bob, "status=PENDING,CANCELLED")
        onward.pruner.prune()
        rows = sql("SELECT open, closed_as FROM orders ORDER BY id")
        assert [(False, "CANCELLED"), (True, None), (True, None), (False, "CANCELLED"), (True, None)] == rows


def test_a_range_of_dates_is_in_the_order_of_the_dates(bob, orders, found, sql):
    """Orders of another system may have been brought in later than newer ones."""
    for place, day in enumerate((3, 1, 5, 2, 4)):
        sql("UPDATE orders SET created_at = %s WHERE id = %s", f"2026-01-0{day}", orders[place]["id"])
    dates = "placed_from=2026-01-02&placed_until=2026-01-05&limit=2"

    assert [4, 0] == found(bob, dates)
    assert [3] == found(bob, f"{dates}&cursor={orders[0]['id']}")
    assert [3, 0] == found(bob, f"{dates}&sort=oldest")


def test_the_date_of_anothers_order_does_not_show_in_a_list(cast, mallory, orders):
    """As a cursor, it would tell between which of mallory's own it was placed."""
    cast.place(seller_id=mallory.id)

    assert [] == mallory.get(f"/api/orders?placed_from=2020-01-01&cursor={orders[0]['id']}&sort=oldest").json["orders"]


def test_everybody_filters_their_own_orders_only(way, alice, mallory, olive, shop, found):
    assert [3, 0] == found(alice, "q=2026")
    assert [3, 0] == found(alice, "sort=number")[::-1][::-1]
    assert [] == found(alice, "buyer_id=2")
    assert [] == found(mallory, "seller_id=1")
    for person in (olive, shop):
        assert [4, 1] == found(person, "buyer_id=2")
        assert [1] == found(person, "number=2026-8.x")
        assert [4, 3, 2, 1, 0] == found(person, "sort=number&seller_id=1")


def test_open_orders_are_listed_as_they_are_due(cast, alice, bob, orders, found, sql):
    for place, due_at in ((3, "2026-01-02"), (1, "2026-01-01"), (4, "2099-01-01"), (0, "2020-01-01"), (2, None)):
        sql("UPDATE orders SET due_at = %s WHERE id = %s", due_at, orders[place]["id"])
    alice.move(orders[0]["id"], "CANCELLED", "No longer needed")

    assert [1, 3, 4, 2] == found(bob, "sort=due")
    assert [3, 1] == found(bob, "late=true")
    assert [4, 2, 0] == found(bob, "late=false")
    assert [1, 3] == found(bob, "late=true&sort=due&status=PENDING")
    seen, cursor = [], ""
    while cursor is not None:
        page = bob.request("GET", f"/api/orders?sort=due&limit=1&cursor={cursor.replace('+', '%2B')}").json
        seen += [order["id"] for order in page["orders"]]
        cursor = page["next_cursor"]
    assert [orders[place]["id"] for place in (1, 3, 4, 2)] == seen
    assert (403, 403) == tuple(alice.get(f"/api/orders?{query}").status for query in ("sort=due", "late=true"))
    assert 422 == bob.get("/api/orders?sort=due&status=CANCELLED").status


def test_the_dearest_come_first(cast, bob):
    def place(price):
        return cast.place(items=[{"sku": "A", "title": "A", "quantity": 1, "unit_price_minor": price}])["id"]

    placed = [place(price) for price in (5, 700, 5, 60)]

    assert [placed[at] for at in (1, 3, 2, 0)] == ids(bob, "sort=total")
    page = bob.get("/api/orders?sort=total&limit=3").json
    assert [placed[0]] == ids(bob, f"sort=total&cursor={page['next_cursor']}")


def ids(person, query):
    return [order["id"] for order in person.get(f"/api/orders?{query}").json["orders"]]


@pytest.fixture(params=["few", "many"])
def volume(request, monkeypatch):
    """Few orders are looked up each; of many the newest events are read."""
    if request.param == "many":
        monkeypatch.setattr(last_changes, "FEW", 0)


def test_what_changed_last_comes_first(volume, cast, alice, bob, olive, mallory, orders, found):
    cast.place(seller_id=mallory.id, buyer_id=9)
    bob.move(orders[1]["id"], "CONFIRMED")
    alice.move(orders[3]["id"], "CANCELLED", "No longer needed")
    bob.move(orders[0]["id"], "CONFIRMED")

    assert [0, 3, 1, 4, 2] == found(bob, "sort=updated")
    assert [0, 3, 1, 4, 2] == found(olive, "sort=updated&seller_id=1")
    assert [0, 3] == found(alice, "sort=updated")
    assert [0, 1] == found(bob, "sort=updated&status=CONFIRMED")
    assert [0, 3, 1, 4, 2] == found(bob, "sort=updated&status=CONFIRMED,CANCELLED,PENDING&placed_from=2020-01-01")
    assert [1, 4] == found(bob, "sort=updated&buyer_id=2")


def test_a_page_may_be_short_where_many_other_orders_changed_since(monkeypatch, cast, bob, mallory, orders):
    """It has read as many events as a page may; the next one goes on behind them."""
    monkeypatch.setattr(last_changes, "FEW", 0)
    monkeypatch.setattr(last_changes, "WINDOW", 3)
    for _ in range(4):
        cast.place(seller_id=mallory.id)
    sizes, seen, cursor = [], [], ""
    while cursor is not None:
        page = bob.get(f"/api/orders?sort=updated&limit=2&cursor={cursor}").json
        sizes.append(len(page["orders"]))
        seen += [order["id"] for order in page["orders"]]
        cursor = page["next_cursor"]

    assert [order["id"] for order in orders[::-1]] == seen
    assert 0 in sizes


def counts(person, query=""):
    return {
        one["status"]: (one["count"], one["more"])
        for one in person.get(f"/api/orders/counts?{query}").json["counts"]
        if one["count"]
    }


def test_orders_are_counted_by_status(cast, alice, bob, olive, mallory, orders):
    cast.place(seller_id=mallory.id)
    bob.move(orders[1]["id"], "CONFIRMED")
    alice.move(orders[3]["id"], "CANCELLED", "No longer needed")

    assert {"PENDING": (3, False), "CONFIRMED": (1, False), "CANCELLED": (1, False)} == counts(bob)
    assert {"PENDING": (1, False)} == counts(mallory)
    assert {"PENDING": (4, False), "CONFIRMED": (1, False), "CANCELLED": (1, False)} == counts(olive)
    assert {"CONFIRMED": (1, False)} == counts(bob, "q=oz&status=CONFIRMED,CANCELLED")
    listed = [one["status"] for one in bob.get("/api/orders/counts").json["counts"]]
    assert listed == [status["name"] for status in bob.get("/api/workflow").json["statuses"]]


def test_what_a_search_finds_is_counted_alike_however_much_it_is(monkeypatch, alice, bob, orders):
    alice.move(orders[0]["id"], "CANCELLED", "No longer needed")
    expected = {"PENDING": (1, False), "CANCELLED": (1, False)}
    for looked_at in (2000, 2):
        monkeypatch.setattr(searching, "LOOKED_AT", (looked_at,))
        assert expected == counts(bob, "q=alice")


def test_counting_stops_at_a_thousand(monkeypatch, alice, bob, orders):
    monkeypatch.setattr(listing_counts, "CAP", 1)
    for place in (0, 3):
        alice.move(orders[place]["id"], "CANCELLED", "No longer needed")

    assert {"PENDING": (1, True), "CANCELLED": (1, True)} == counts(bob)
    assert {"CANCELLED": (1, False)} == counts(bob, f"status=CANCELLED&number={orders[0]['number']}")


@pytest.mark.parametrize("query", ["sort=newest", "limit=5", "status=SOLD"])
def test_counts_take_filters_and_nothing_else(bob, query):
    assert 422 == bob.get(f"/api/orders/counts?{query}").status


@pytest.mark.parametrize("sort", ["newest", "oldest", "number"])
@pytest.mark.parametrize(
    "filters", ["q=2026", "placed_from=2020-01-01", "status=CANCELLED,REFUNDED,PENDING&placed_until=2099-01-01"]
)
def test_links_lead_through_all_pages_without_gap_or_repetition(cast, alice, bob, orders, sort, filters):
    alice.move(orders[0]["id"], "CANCELLED", "No longer needed")
    alice.move(orders[3]["id"], "CANCELLED", "No longer needed")
    path, seen = f"/api/orders?sort={sort}&limit=2&{filters}", []
    while path:
        page = bob.get(path)
        seen.append([order["id"] for order in page.json["orders"]])
        link = page.headers.get("Link", "")
        path = (re.fullmatch(r'<(/api/orders\?[^>]+)>; rel="next"', link) or [None, None])[1]
        assert (path is None) == (page.json["next_cursor"] is None)
        # What is placed meanwhile disturbs no page.
        cast.place(number=f"2026-0.{len(seen)}")

    ids = [order["id"] for order in orders]
    expected = ids if sort == "oldest" else ids[::-1]
    assert expected == [id for page in seen for id in page if id in ids]
    assert len(seen[0]) == 2


def test_all_lists_link_to_their_next_page(cast, alice, bob, olive, outbox):
    for _ in range(2):
        cast.place()
    outbox.run_until_idle()

    link = bob.get("/api/notifications?limit=1").headers["Link"]
    assert re.fullmatch(r'</api/notifications\?limit=1&cursor=\d+>; rel="next"', link)
    assert "Link" not in bob.get("/api/notifications").headers


@pytest.mark.parametrize(
    "query",
    [
        "status=SOLD",
        "status=PENDING,",
        "number=%0A",
        "seller_id=0",
        "buyer_id=x",
        "placed_from=yesterday",
        "sort=best",
        "sort=updated&cursor=5",
        "sort=updated&cursor=total.5~7",
        "sort=newest&cursor=updated.5",
        "sort=total&cursor=5~7",
        "sort=due&cursor=due.5~2026-99-99",
        "sort=due&cursor=due.5",
        "sort=total&cursor=total.5",
        "sort=total&cursor=total.5~x",
        "sort=total&cursor=total.5~9999999999999999999",
        "sort=number&cursor=5",
        "cursor=5~5",
        "q=" + "x" * 101,
        "placed_from=1577836800",
        "placed_from=0001-01-01T00:00:00%2B23:59",
        "limit=201",
    ],
)
def test_what_makes_no_sense_is_refused(bob, query):
    assert 422 == bob.get(f"/api/orders?{query}").status


def test_numbers_of_all_sellers_have_no_order(olive):
    reply = olive.get("/api/orders?sort=number")

    assert (422, "invalid_request") == (reply.status, reply.json["code"])
    assert "seller_id" in reply.json["detail"]


def test_an_order_is_found_by_the_id_of_a_request_that_changed_it(orders, found, bob, mallory, olive, sql):
    bob.move(orders[1]["id"], "CONFIRMED", X_Request_ID="asked-by.bob:17")

    for person in (bob, olive):
        assert [1] == found(person, "request_id=asked-by.bob:17")
    assert [] == found(mallory, "request_id=asked-by.bob:17") == found(olive, "request_id=asked-by.bob")
    assert 422 == olive.get("/api/orders?request_id=no%20id").status
    ((kind,),) = sql(
        "SELECT amname FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE relname = 'order_events_request_id_idx'"
    )
    assert "brin" == kind, "an entry for each row of a random id would cost every change"
