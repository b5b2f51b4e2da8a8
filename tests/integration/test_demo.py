"""What a newcomer finds: orders of people one can sign in as."""

from __future__ import annotations

from dashboard.people import CAST
from demo import market
from demo.seed import STEPS, seed
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
