"""What each role sees of the workflow table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from access.principal import Principal
from dashboard.people import CAST, called
from dashboard.role_views import RoleView
from foundation import clock
from orders import workflow_file
from orders.workflow import Status, Transition, Workflow

WORKFLOW = workflow_file.load()


def test_a_buyer_reads_the_buyers_words() -> None:
    assert "On its way" == RoleView.of(WORKFLOW, "buyer").labels["SHIPPED"].text
    assert "Shipped" == RoleView.of(WORKFLOW, "seller").labels["SHIPPED"].text


def test_columns_are_the_open_statuses_in_the_tables_order() -> None:
    view = RoleView.of(WORKFLOW, "seller")

    usual, unusual = ["PENDING", "CONFIRMED", "PREPARING", "READY", "SHIPPED", "DELIVERED"], ["RETURN_REQUESTED"]
    assert [*usual, *unusual, "LOST", "RETURNED", "DISPUTED"] == view.open
    assert [*usual, "COMPLETED"] == view.usual
    assert ["COMPLETED", "REFUNDED", "CANCELLED"] == view.closed


def test_the_usual_move_comes_first_and_a_reason_is_asked_for_last() -> None:
    order = {"status": "CONFIRMED", "allowed_transitions": ["CANCELLED", "PREPARING"]}

    offered = RoleView.of(WORKFLOW, "seller").offered(order)

    assert [("PREPARING", False), ("CANCELLED", True)] == [(action.to, action.reason) for action in offered]


def test_nothing_is_offered_that_the_order_does_not_allow() -> None:
    assert [] == RoleView.of(WORKFLOW, "buyer").offered({"status": "SHIPPED", "allowed_transitions": []})


def moved(role: str, id: int, seconds_ago: int) -> list[dict[str, object]]:
    at = clock.now() - timedelta(seconds=seconds_ago)
    return [{"type": "order.status_changed", "actor": {"role": role, "id": id}, "at": at.isoformat()}]


@pytest.mark.parametrize(
    ("change", "offered"),
    [(("seller", 7, 60), ["READY", "PREPARING"]), (("seller", 7, 901), []), (("operator", 7, 60), [])],
    ids=["just now", "too long ago", "by somebody else"],
)
def test_a_seller_is_offered_to_correct_its_own_change_for_a_while(
    change: tuple[str, int, int], offered: list[str]
) -> None:
    view, order = RoleView.of(WORKFLOW, "seller"), {"status": "SHIPPED", "allowed_transitions": ["DELIVERED"]}

    assert offered == [one.to for one in view.corrections(order, moved(*change), Principal("seller", 7))]
    assert ["DELIVERED"] == [one.to for one in view.offered(order)]


def test_corrections_do_not_crowd_an_operators_usual_buttons() -> None:
    view = RoleView.of(WORKFLOW, "operator")
    order = {"status": "SHIPPED", "allowed_transitions": WORKFLOW.targets("SHIPPED", "operator")}

    assert ["DELIVERED", "LOST", "RETURNED", "DISPUTED"] == [one.to for one in view.offered(order)]
    corrections = view.corrections(order, [], Principal("operator", 1))
    assert [("READY", "Correct to “Ready”"), ("PREPARING", "Correct to “Preparing”")] == [
        (one.to, one.label) for one in corrections
    ]


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
        "GLAZED": Status("GLAZED", "Glazed", "Glazed", "green", "check", closed=True, **words),
    }
    kiln = Workflow("RAW", statuses, (Transition("RAW", "GLAZED", frozenset({"seller"})),))

    assert label == RoleView.of(kiln, "seller").actions["RAW"]["GLAZED"].label


def test_the_line_under_the_headline_is_for_buyers_only() -> None:
    assert "Your order has left the shop." == RoleView.of(WORKFLOW, "buyer").labels["SHIPPED"].lead
    assert "" == RoleView.of(WORKFLOW, "seller").labels["SHIPPED"].lead


def test_the_cast_is_told_apart_by_name_and_by_id() -> None:
    assert len(CAST) == len({person.key for person in CAST}) == len({(person.role, person.id) for person in CAST})
    assert "Bob" == getattr(called("bob"), "name", None)
    assert called("nobody") is None
