"""What each role sees of the workflow table."""

from __future__ import annotations

import orjson
import pytest

from dashboard.people import CAST, called
from dashboard.role_views import RoleView
from orders import workflow_file
from orders.workflow import Status, Transition, Workflow

WORKFLOW = workflow_file.load()


def test_a_buyer_reads_the_buyers_words() -> None:
    assert "On its way" == RoleView.of(WORKFLOW, "buyer").labels["SHIPPED"].text
    assert "Shipped" == RoleView.of(WORKFLOW, "seller").labels["SHIPPED"].text


def test_columns_are_the_open_statuses_in_the_tables_order() -> None:
    view = RoleView.of(WORKFLOW, "seller")

    assert ["PENDING", "CONFIRMED", "PREPARING", "READY", "SHIPPED", "DELIVERED", "RETURN_REQUESTED"] == view.open
    assert ["COMPLETED", "REFUNDED", "CANCELLED"] == view.closed


def test_the_usual_move_comes_first_and_a_reason_is_asked_for_last() -> None:
    order = {"status": "CONFIRMED", "allowed_transitions": ["CANCELLED", "PREPARING"]}

    offered = RoleView.of(WORKFLOW, "seller").offered(order)

    assert [("PREPARING", False), ("CANCELLED", True)] == [(action.to, action.reason) for action in offered]


def test_nothing_is_offered_that_the_order_does_not_allow() -> None:
    assert [] == RoleView.of(WORKFLOW, "buyer").offered({"status": "SHIPPED", "allowed_transitions": []})


def test_the_way_ahead_is_the_usual_one() -> None:
    ahead = RoleView.of(WORKFLOW, "buyer").ahead

    assert ["SHIPPED", "DELIVERED", "COMPLETED"] == ahead["READY"]
    assert [] == ahead["RETURN_REQUESTED"]
    assert [] == ahead["CANCELLED"]


def test_the_way_ahead_ends_where_a_table_runs_in_a_circle() -> None:
    statuses = {name: Status(name, name, name, "blue", "disc") for name in ("A", "B")}
    seller = frozenset({"seller"})
    circle = Workflow("A", statuses, (Transition("A", "B", seller), Transition("B", "A", seller)))

    assert {"A": ["B"], "B": ["A"]} == RoleView.of(circle, "seller").ahead


@pytest.mark.parametrize(("words", "label"), [({}, "Mark glazed"), ({"action": "Fire it"}, "Fire it")])
def test_a_status_of_somebody_elses_table_gets_a_button_too(words: dict[str, str], label: str) -> None:
    statuses = {
        "RAW": Status("RAW", "Raw", "Raw", "blue", "disc"),
        "GLAZED": Status("GLAZED", "Glazed", "Glazed", "green", "check", final=True, **words),
    }
    kiln = Workflow("RAW", statuses, (Transition("RAW", "GLAZED", frozenset({"seller"})),))

    assert label == RoleView.of(kiln, "seller").actions["RAW"]["GLAZED"].label


def test_the_line_under_the_headline_is_for_buyers_only() -> None:
    assert "Your order has left the shop." == RoleView.of(WORKFLOW, "buyer").labels["SHIPPED"].lead
    assert "" == RoleView.of(WORKFLOW, "seller").labels["SHIPPED"].lead


@pytest.mark.parametrize("role", ["seller", "buyer", "operator"])
def test_what_scripts_are_given_is_json(role: str) -> None:
    view = RoleView.of(WORKFLOW, role)

    assert view.home == orjson.loads(orjson.dumps(view.for_scripts()))["home"]


def test_the_cast_is_told_apart_by_name_and_by_id() -> None:
    assert len(CAST) == len({person.key for person in CAST}) == len({(person.role, person.id) for person in CAST})
    assert "Bob" == getattr(called("bob"), "name", None)
    assert called("nobody") is None
