"""What a newcomer finds: orders of people one can sign in as."""

from __future__ import annotations

import orjson
import pytest

from dashboard import demo_market as market
from dashboard.people import CAST
from demo.seed import STEPS, seed
from foundation.contract import LARGEST_ID
from notifications import inbox
from process import onward_of


def test_the_demos_orders_belong_to_people_with_a_button(app, app_with, empty, sql):
    """A buyer whom nobody can sign in as has a tracking page that nobody can see."""
    own = app_with()
    with own.app_context():
        assert len(STEPS) == seed(onward_of(own))

    buyers = {(person.id, person.full_name, person.email) for person in CAST if person.role == "buyer"}
    assert buyers == set(sql("SELECT DISTINCT buyer_id, buyer_name, buyer_email FROM orders"))
    assert [(market.SELLER.id,)] == sql("SELECT DISTINCT seller_id FROM orders")
    assert [(0,)] == sql("SELECT count(*) FROM outbox")


def test_a_database_with_orders_is_left_alone(app, placed):
    with app.app_context():
        assert 0 == seed(onward_of(app))


def test_the_bell_of_a_fresh_demo_has_one_example_of_each_kind_and_none_of_ones_own_deeds(app, app_with, empty, sql):
    own = app_with()
    with own.app_context():
        seed(onward_of(own))
        for person in CAST:
            entries = orjson.loads(inbox.page(person.principal, LARGEST_ID, 100, grouped=True)[0])
            unread = [entry["kind"] for entry in entries if entry["read_at"] is None]
            assert len(set(unread)) == len(unread) == inbox.unread_count(person.principal) <= 10
            assert unread or not entries

    own_deeds = """SELECT 1 FROM notifications n JOIN order_events e ON e.id = n.event_id
        WHERE (n.recipient_role, n.recipient_id) = (e.actor_role, e.actor_id)"""
    assert [] == sql(own_deeds)


@pytest.mark.parametrize("path", ["/demo", "/demo/orders", "/demo/cut", "/demo/mail"])
def test_without_the_demo_there_is_no_such_page(app_with, path):
    assert not [rule for rule in app_with(demo=False).url_map.iter_rules() if rule.rule == path]


def test_whoever_is_not_the_demos_seller_signs_in_as_him_first(app_with, empty):
    visitor = app_with(demo=True).test_client()

    assert "/sign-in?next=%2Fdemo" == visitor.get("/demo").headers["Location"]
