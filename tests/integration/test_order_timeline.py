"""The timeline of an order's page, and what it says that the buyer knows: from what is recorded, and for whom it is."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from dashboard.timeline import NEWEST
from foundation.db import db
from orders.consequences import BUYER_NOTIFIED, CONSEQUENCES

ENTRY = re.compile(r'<li class="entry ?([a-z]*)" id="([a-z]+)-(\d+)">(.*?)</li>', re.DOTALL)


@pytest.fixture
def lived(placed, cast, outbox):
    """An order with a move, a message, an internal note and an edit, of which Alice has seen everything until then."""
    path = f"/api/orders/{placed['id']}"
    cast.bob.move(placed["id"], "CONFIRMED")
    outbox.run_until_idle()
    cast.alice.post(f"{path}/messages", {"body": "Can you <b>wrap</b> it?"})
    cast.bob.post(f"{path}/messages", {"body": "Asks for paper.", "kind": "note"})
    up_to = cast.alice.get(f"{path}/messages").json["messages"][-1]["id"]
    cast.alice.post(f"{path}/messages/seen", {"up_to": up_to})
    cast.bob.request("PATCH", path, {"note": "With paper"})
    outbox.run_until_idle()
    return cast.bob.order(placed["id"])


def entries(page):
    return [(what or "status", id, body) for what, id, _, body in ENTRY.findall(page[page.index('id="past"') :])]


def page_of(visitor, order, query=""):
    return visitor.get(f"/seller/orders/{order['id']}{query}").text


def test_everything_that_happened_stands_in_one_line_the_newest_first(visit, lived):
    found = entries(page_of(visit("bob"), lived))

    assert ["status", "seen", "note", "message", "status", "status"] == [what for what, _, _ in found]
    assert "Changed: note" in found[0][2]
    assert "Asks for paper." in found[2][2]
    assert "Can you &lt;b&gt;wrap&lt;/b&gt; it?" in found[3][2]


@pytest.mark.parametrize(
    ("shown", "left"),
    [
        ("status", {"status"}),
        ("messages", {"message", "note"}),
        ("effects", {"seen"}),
        ("nonsense", {"status", "message", "note", "seen"}),
    ],
)
def test_the_filter_leaves_what_it_names(visit, lived, shown, left):
    assert left == {what for what, _, _ in entries(page_of(visit("bob"), lived, f"?show={shown}"))}


def test_the_latest_and_the_first_are_in_sight_and_those_between_them_are_folded(visit, lived, cast):
    for number in range(8):
        cast.bob.request("PATCH", f"/api/orders/{lived['id']}", {"note": f"Note {number}"})

    page = page_of(visit("bob"), lived, "?show=status")
    history = page[page.index('id="history"') :]
    before, folded = history.split("<summary>4 more</summary>")
    folded, after = folded.split("</details>", 1)

    assert (NEWEST, 4, 1) == tuple(len(ENTRY.findall(part)) for part in (before, folded, after))
    assert 'id="entry-1"' in after


def test_an_email_is_in_it_with_what_became_of_it_and_why(visit, lived, sql):
    (event,) = sql("SELECT id FROM order_events WHERE order_id = %s AND version = 2", lived["id"])[0]
    sql(
        """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status, attempts, last_error,
            finished_at) VALUES ('email.status', 'smtp', 'order', %s, %s, 'dead', 8,
            '550 <alice@example.org>: no such mailbox', clock_timestamp())""",
        event,
        lived["id"],
    )
    for name, home, told in (("bob", "seller", False), ("olive", "operator", True)):
        page = visit(name).get(f"/{home}/orders/{lived['id']}?show=effects").text
        (mail,) = [body for what, _, body in entries(page) if what == "effect"]

        assert "E-mail to the buyer" in mail
        assert "failed" in mail
        assert "about “Confirmed”" in mail
        assert told == ("alice@example.org" in mail), "a seller reads the buyer's address masked"
    assert "E-mail failed" in re.sub(r"<[^>]+>", "", page[page.index('id="knows"') :])


def test_a_shop_sees_the_deliveries_to_its_own_endpoints_only(visit, lived, sql):
    event = sql("SELECT id FROM order_events WHERE order_id = %s AND version = 2", lived["id"])[0][0]
    for seller in (1, 2):
        sql(
            """WITH added AS (INSERT INTO webhook_endpoints (seller_id, url, event_types, thin, headers, secret,
                disabled) VALUES (%s, 'http://127.0.0.1:9/', '{*}', false, '', '', false) RETURNING id)
            INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status, finished_at)
            SELECT 'webhook.delivery', 'webhook:' || id, 'order', %s, %s, 'succeeded', clock_timestamp() FROM added""",
            *(seller, event, lived["id"]),
        )

    assert 1 == page_of(visit("bob"), lived).count(">Webhook<")
    assert 2 == visit("olive").get(f"/operator/orders/{lived['id']}").text.count(">Webhook<")


def test_the_page_says_what_the_buyer_knows_and_what_not(visit, lived, cast, outbox, sql):
    bob = visit("bob")

    def knows():
        page = page_of(bob, lived)
        part = page[page.index('class="knows"') : page.index("</dl>")]
        return re.sub(r"<[^>]+>|\s+", " ", part.split("<dt>")[1])

    assert "Seen on the order's page" in knows()
    assert "Unread in the inbox" in knows()
    sql("UPDATE notifications SET read_at = clock_timestamp() WHERE recipient_role = 'buyer'")
    assert "Read in the inbox" in knows()

    cast.bob.move(lived["id"], "PREPARING")
    outbox.run_until_idle()
    assert "Not seen on the order's page yet" in knows()
    assert "Unread in the inbox" in knows()


def test_each_row_is_looked_up_by_a_key_however_much_there_is(app, lived, sql):
    """What follows the events of one order is a handful among millions."""
    sql(
        """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status, finished_at)
        SELECT 'email.status', 'smtp', 'order', -n, -n, 'succeeded', now() FROM generate_series(1, 20000) AS n"""
    )
    sql(
        """INSERT INTO notifications (event_id, order_id, kind, recipient_role, recipient_id, title, body)
        SELECT -n, -n, 'status', 'buyer', 9, '', '' FROM generate_series(1, 20000) AS n"""
    )
    sql("ANALYZE side_effects, notifications")
    values = {
        "events": [1, 2],
        "messages": [3],
        "seller": 1,
        "every_endpoint": False,
        "order_id": lived["id"],
        "most": 9,
    }
    for statement in (CONSEQUENCES, BUYER_NOTIFIED):
        wanted = {name: values[name] for name in statement._bindparams}
        with app.app_context():
            plan = "\n".join(line for (line,) in db.session.execute(text(f"EXPLAIN {statement.text}"), wanted))

        assert "Seq Scan on side_effects" not in plan
        assert "Seq Scan on notifications" not in plan
