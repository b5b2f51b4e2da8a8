"""Orders are found by what people know of them, however they type it; a status change costs nothing for it."""

from __future__ import annotations

import pytest

from orders import backfill, search

PARCEL = {"carrier": "DHL", "number": "JD-0002 44"}


@pytest.fixture
def ids(cast):
    """Orders of bob's by the name by which the tests know them."""
    people = {
        "jose": {"buyer_name": "José Núñez", "number": "A-1001"},
        "gross": {"buyer_name": "Groß", "buyer_email": "O.Gross@Example.org"},
        "moller": {"buyer_name": "Møller", "items": [item("KEY-RING", "Schlüsselanhänger")]},
        "zoe": {"buyer_name": "Zoe\u0308 O’Neill–Chen"},
    }
    return {name: cast.place(**members)["id"] for name, members in people.items()}


def item(sku, title):
    return {"sku": sku, "title": title, "quantity": 1, "unit_price_minor": 100}


@pytest.fixture
def found(ids):
    names = {id: name for name, id in ids.items()}

    def ask(person, q):
        reply = person.request("GET", f"/api/orders?sort=oldest&q={quoted(q)}")
        assert 200 == reply.status, reply
        return " ".join(names[order["id"]] for order in reply.json["orders"])

    return ask


def quoted(text):
    return "".join(f"%{byte:02x}" for byte in text.encode())


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("jose", "jose"),
        ("JOSÉ nunez", "jose"),
        ("Jose\u0301", "jose"),
        ("gross", "gross"),
        ("groß", "gross"),
        ("moller", "moller"),
        ("MØLLER", "moller"),
        ("zoë", "zoe"),
        ("zoe", "zoe"),
        ("o'neill-chen", "zoe"),
        ("o’neill", "zoe"),
        ("oneill", "zoe"),
        ("chen", "zoe"),
        ("#A-1001", "jose"),
        ("a1001", "jose"),
        ("1001", "jose"),
        ("key-ring", "moller"),
        ("schlusselan", "moller"),
        ("MUG", "jose gross zoe"),
        ("blue spoon", "jose gross zoe"),
        ("o.gross@example.org", "gross"),
        ("O.GROSS@EXAMPLE.ORG", "gross"),
        ("alice@example.org", "jose moller zoe"),
        ("ose", ""),
        ("jose moller", ""),
        ("   ", "jose gross moller zoe"),
    ],
)
def test_an_order_is_found_however_its_words_are_typed(bob, found, q, names):
    assert names == found(bob, q)


def test_a_seller_finds_an_address_only_by_all_of_it(bob, olive, found):
    """Each letter that is found would tell the next one of an address that a seller may not read."""
    for piece in ("o.gross@", "o.gross@example.or", "example.org", "gross@example.org"):
        assert "" == found(bob, piece)
    assert "gross" == found(olive, "o.gross@example.or")


def test_a_parcel_is_found_as_soon_as_the_change_is_answered(bob, ids, found, sql, onward):
    for status in ("CONFIRMED", "PREPARING"):
        bob.move(ids["jose"], status)
    assert 200 == bob.move(ids["jose"], "SHIPPED", tracking=PARCEL).status

    assert "jose" == found(bob, "jd-0002")
    assert [(1,)] == sql("SELECT count(*) FROM order_search WHERE NOT folded")
    onward.pruner.prune()
    assert "jose" == found(bob, "JD0002 44")
    written = sql("SELECT xmin::text FROM order_search ORDER BY order_id")
    bob.move(ids["jose"], "DELIVERED")
    assert written == sql("SELECT xmin::text FROM order_search ORDER BY order_id")


def test_what_another_version_writes_is_found_at_once_and_folded_within_a_minute(bob, ids, found, sql, onward):
    """It writes no search terms of its own, so a trigger does."""
    sql(
        """INSERT INTO orders (number, status, seller_id, buyer_id, buyer_name, buyer_email, items, total_minor,
            currency)
        SELECT 'OLD-1', status, seller_id, buyer_id, 'José', 'old@example.org', items, 1, 'EUR'
        FROM orders WHERE id = %s""",
        ids["jose"],
    )
    assert 1 == len(bob.get("/api/orders?q=old-1").json["orders"])
    assert 0 == len(bob.get("/api/orders?q=old@example.org").json["orders"])

    onward.pruner.prune()

    assert 1 == len(bob.get("/api/orders?q=old@example.org+jose").json["orders"])
    assert [(0,)] == sql("SELECT count(*) FROM order_search WHERE NOT folded")


def test_a_name_that_was_changed_is_found_no_more(bob, ids, found, sql, onward):
    sql("UPDATE orders SET buyer_name = 'Zoë', buyer_email = '' WHERE id = %s", ids["gross"])

    for _ in range(2):
        assert ("", "") == (found(bob, "groß"), found(bob, "o.gross@example.org"))
        onward.pruner.prune()
    assert "gross zoe" == found(bob, "zoe")


def test_terms_are_folded_from_the_order_as_it_is_when_they_are_written(app, ids, sql, found, bob):
    """A piece is locked before its orders are read: what is changed in between is folded once more."""
    sql("UPDATE order_search SET folded = false")
    with app.app_context():
        assert 4 == backfill.fold_search()
        backfill.refold(ids["jose"])
        assert 0 == backfill.fold_search()

    assert "jose" == found(bob, "jose blue")


def test_a_plain_change_writes_nothing_of_the_search_and_no_index(bob, ids, sql):
    before = sql("SELECT order_id, xmin::text FROM order_search ORDER BY 1")
    bob.move(ids["jose"], "CONFIRMED")

    assert before == sql("SELECT order_id, xmin::text FROM order_search ORDER BY 1")


def test_a_tag_is_found_as_a_whole(app, bob, ids, sql):
    """The tags of an order are terms of it; here they are written as an order with tags is."""
    for name, tag in (("jose", "Gift wrap"), ("zoe", "gift")):
        sql(
            "UPDATE order_search SET document = document || array_to_tsvector(%s) WHERE order_id = %s",
            [search.tag_term(tag)],
            ids[name],
        )

    assert [ids["zoe"]] == [order["id"] for order in bob.get("/api/orders?tag=GIFT").json["orders"]]
    assert [ids["jose"]] == [order["id"] for order in bob.get("/api/orders?tag=gift+wrap&q=nunez").json["orders"]]
    assert [] == bob.get("/api/orders?tag=gif").json["orders"]


def test_a_rarely_used_letter_in_a_search_is_no_error(bob, found):
    for q in ("' | ! \\ :*", "\\", "a\\", "'", "a'b@c\\d", "\ufdfa", "@", "#", "a:*b", "!jose", "(a"):
        found(bob, q)
