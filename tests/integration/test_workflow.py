"""The workflow table over HTTP, and a custom one."""

from __future__ import annotations

import pytest

from orders import workflow_file
from tests.integration.conftest import send_through

OWN = """
initial = "ORDERED"

[statuses.ORDERED]
seller = "Ordered"
buyer = "Ordered"
tone = "blue"
icon = "disc"
notify.seller = "Somebody ordered, 100 % sure: '{number}'"

[statuses.EATEN]
seller = "Eaten"
buyer = "Enjoyed"
tone = "green"
icon = "star"
final = true
tracking = true
notify.seller = "#{number} was eaten."
notify.buyer = "#{number} was eaten."

[[transitions]]
from = "ORDERED"
to = "EATEN"
roles = ["buyer", "seller"]
"""


@pytest.fixture
def kitchen(app_with, tmp_path, settings, empty):
    """The cast, in an installation with a table of its own."""
    table = tmp_path / "kitchen.toml"
    table.write_text(OWN)
    return send_through(app_with(order_workflow=table), settings)


def test_everybody_who_is_somebody_may_read_the_table(alice, bob, olive, shop):
    table = alice.get("/api/workflow").json

    assert "PENDING" == table["initial"]
    assert {"name": "SHIPPED", "seller": "Shipped", "buyer": "On its way", "tracking": True}.items() <= next(
        one for one in table["statuses"] if one["name"] == "SHIPPED"
    ).items()
    assert {
        "from": "PENDING",
        "to": "CANCELLED",
        "roles": ["seller", "buyer", "operator", "service"],
        "reason": True,
        "action": "Cancel order",
        "after_seconds": None,
    } in table["transitions"]
    assert all(table == person.get("/api/workflow").json for person in (bob, olive, shop))


def test_the_table_is_not_sent_again_to_who_has_it(alice):
    first = alice.get("/api/workflow")

    again = alice.get("/api/workflow", If_None_Match=first.headers["ETag"])
    assert (304, None) == (again.status, again.json)


def test_a_table_of_ones_own_takes_the_place_of_ours(kitchen):
    order = kitchen.place()

    assert ("ORDERED", ["EATEN"]) == (order["status"], kitchen.alice.order(order["id"])["allowed_transitions"])
    assert 422 == kitchen.bob.move(order["id"], "CONFIRMED").status
    assert 200 == kitchen.alice.move(order["id"], "EATEN", tracking={"carrier": "Mouth", "number": "1"}).status
    assert ["ORDERED", "EATEN"] == [one["name"] for one in kitchen.alice.get("/api/workflow").json["statuses"]]


def test_orders_of_another_table_stay_readable(cast, kitchen):
    """They stand in a status that the new table does not know."""
    order = cast.place()

    for person in (kitchen.alice, kitchen.bob, kitchen.olive):
        assert ("PENDING", []) == tuple(person.order(order["id"])[key] for key in ("status", "allowed_transitions"))
    assert 409 == kitchen.bob.move(order["id"], "EATEN").status


def test_a_bad_table_is_refused_before_anything_starts(app_with, tmp_path):
    table = tmp_path / "bad.toml"
    table.write_text(OWN.replace('"star"', '"stern"'))

    with pytest.raises(workflow_file.WorkflowError, match=r"bad\.toml:15: status EATEN: icon: "):
        app_with(order_workflow=table)
