"""Creating orders."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from tests.cast import new_order


def test_a_placed_order_is_pending_with_its_total(shop, alice, bob):
    reply = shop.post("/api/orders", new_order(bob.id, alice.id))

    assert 201 == reply.status
    order = reply.json
    assert "alice@example.org" == order["buyer_email"]
    assert ("PENDING", 1, 2800, str(order["id"])) == (
        order["status"],
        order["version"],
        order["total_minor"],
        order["number"],
    )
    of_seller = {"allowed_transitions": ["CONFIRMED", "CANCELLED"], "buyer_email": "a…@example.org"}
    assert order | of_seller == bob.order(order["id"])


def test_creating_an_order_records_live_events_the_sellers_notification_and_the_signal(cast, outbox, alice, bob, sql):
    cast.place()
    assert [(0b10_0001_1011,)] == sql("SELECT pending FROM outbox")
    outbox.run_until_idle()

    assert [] == outbox.rows
    assert ["status"] == [one["kind"] for one in bob.get("/api/notifications").json["notifications"]]
    assert [] == alice.get("/api/notifications").json["notifications"]
    assert [(f"seller:{bob.id}", "order.created"), (f"buyer:{alice.id}", "order.created")] == sql(
        "SELECT channel, type FROM live_events WHERE type LIKE 'order.%%' ORDER BY seq"
    )


@pytest.mark.parametrize("person", ["alice", "bob", "mallory"])
def test_only_the_marketplace_places_orders(person, request):
    who = request.getfixturevalue(person)

    assert 403 == who.post("/api/orders", new_order(1, 1)).status


def test_a_sellers_number_is_unique(cast, shop, alice, bob, mallory):
    cast.place(number="A-1")

    assert 409 == shop.post("/api/orders", new_order(bob.id, alice.id) | {"number": "A-1"}).status
    assert 201 == shop.post("/api/orders", new_order(mallory.id, alice.id) | {"number": "A-1"}).status


def test_a_new_order_was_changed_last_when_it_was_placed(cast, bob):
    """Two looks at the clock would differ now and then, and so would the answers to a repeated request."""
    for order in (cast.place() for _ in range(20)):
        (event,) = bob.get(f"/api/orders/{order['id']}/history").json["events"]

        assert order["created_at"] == order["updated_at"] == event["at"]


def test_placing_twice_with_one_key_places_once(shop, alice, bob, sql):
    body = new_order(bob.id, alice.id)
    first = shop.post("/api/orders", body, Idempotency_Key="order-1")

    assert (201, first.json) == (
        (again := shop.post("/api/orders", body, Idempotency_Key="order-1")).status,
        again.json,
    )
    assert 422 == shop.post("/api/orders", body | {"currency": "USD"}, Idempotency_Key="order-1").status
    assert [(1,)] == sql("SELECT count(*) FROM orders")


@pytest.mark.parametrize(
    "change",
    [
        {"items": []},
        {"seller_id": 0},
        {"seller_id": 2**63},
        {"seller_id": "1"},
        {"currency": "euro"},
        {"buyer_email": "nobody"},
        {"buyer_email": "first,second@example.org"},
        {"buyer_email": "group:a@b;"},
        {"buyer_email": "<x@y>"},
        {"buyer_email": "x<y@z>"},
        {"buyer_email": "a\x01b@example.org"},
        {"buyer_email": "=?utf-8?q?a=0D=0ABcc:_z?=@example.org"},
        {"buyer_email": "jörg@example.org"},
        {"buyer_name": "Alice\n\nYour account is locked: http://evil.example"},
        {"buyer_name": "Alice\x1b[2J"},
        {"buyer_name": "Alice\u2028Archer"},
        {"items": [{"sku": "A\nB", "title": "B", "quantity": 1, "unit_price_minor": 1}]},
        {"items": [{"sku": "A", "title": "B\rC", "quantity": 1, "unit_price_minor": 1}]},
        {"number": "two\nlines"},
        {"number": "A-1\u200b"},
        {"number": " "},
        {"number": "n" * 41},
        {"items": [{"sku": "A", "title": "B", "quantity": 0, "unit_price_minor": 1}]},
        {"items": [{"sku": "A", "title": "B", "quantity": 1, "unit_price_minor": 1.5}]},
        {"items": [{"sku": "A", "title": "B", "quantity": 10**6, "unit_price_minor": 10**9}] * 2},
        {"discount": 5},
    ],
    ids=str,
)
def test_an_order_that_makes_no_sense_is_refused(shop, change, sql):
    reply = shop.post("/api/orders", new_order(1, 1) | change)

    assert 422 == reply.status
    assert reply.json["errors"][0]["field"].split(".")[0] == next(iter(change))
    assert [(0,)] == sql("SELECT count(*) FROM orders")


def test_an_address_that_is_none_is_refused_in_words_that_help(shop):
    reply = shop.post("/api/orders", new_order(1, 1) | {"buyer_email": "first,second@example.org"})

    assert "must be one e-mail address, such as name@example.org" in reply.json["detail"]
    assert "first" not in reply.json["detail"]


@pytest.mark.parametrize("address", ["u@müller.example", "Alice.O'Hara+shop@example.org", "alice@intranet"])
def test_an_address_is_kept_as_it_was_written(cast, sql, address):
    cast.place(buyer_email=address)

    assert [(address,)] == sql("SELECT buyer_email FROM orders")


def test_an_order_without_a_number_is_placed_though_the_seller_has_that_number(cast, shop, alice, bob, sql):
    ((newest,),) = sql("SELECT last_value FROM orders_id_seq")
    cast.place(number=str(newest + 2))

    unnumbered = new_order(bob.id, alice.id)
    unnumbered.pop("number", None)
    reply = shop.post("/api/orders", unnumbered)
    assert 201 == reply.status
    assert reply.json["number"].startswith(f"{reply.json['id']}-")


@pytest.mark.parametrize("number", ["#1001", "SO/2024/00001", "100-7/2", "A 17", "A~ № ü", "A~1"])
def test_numbers_are_taken_as_shops_print_them(cast, bob, olive, number):
    order = cast.place(number=f" {number} ")
    cast.place(number="zz")

    assert number == order["number"]
    for person in (bob, olive):
        found = person.get(f"/api/orders?number={quote(number)}").json["orders"]
        assert [order["id"]] == [one["id"] for one in found]
    first = bob.get("/api/orders?sort=number&limit=1")
    following = bob.get(re.search("<(.*)>", first.headers["Link"])[1]).json["orders"]
    assert [number, "zz"] == sorted(one["number"] for one in (*first.json["orders"], *following))


def test_a_line_may_be_a_discount_and_a_quantity_a_part(cast, bob):
    lines = [
        {"title": "Cheese", "quantity": 0.25, "unit_price_minor": 1999},
        {"kind": "item", "sku": "B", "title": "Bread", "quantity": 2.0, "unit_price_minor": 300},
        {"kind": "discount", "title": "Welcome", "quantity": 1, "unit_price_minor": -200},
        {"kind": "shipping", "title": "Post", "quantity": 1, "unit_price_minor": 490},
    ]
    order = bob.order(cast.place(items=lines, total_minor=1390)["id"])

    assert 500 + 600 - 200 + 490 == order["total_minor"]
    lines[1] |= {"quantity": 2}
    del lines[1]["kind"]
    assert lines == order["items"], "a plain item has no kind"
