"""The pages' forms as a browser without scripts sends them: what is done, and what is refused on which page."""

from __future__ import annotations

import pytest


def test_a_button_moves_the_order_and_says_so(visit, placed, cast):
    bob = visit("bob")

    answer = bob.press(placed, "CONFIRMED")

    assert (303, f"/seller/orders#order-{placed['id']}") == (answer.status_code, answer.location)
    assert f"Order #{placed['number']} is now “Confirmed”." in bob.get("/seller/orders").text
    assert "CONFIRMED" == cast.bob.order(placed["id"])["status"]


def test_the_same_form_sent_twice_moves_the_order_once(visit, placed, cast):
    bob = visit("bob")

    assert [303, 303] == [bob.move(placed, "CONFIRMED").status_code for _ in range(2)]
    confirmed = placed | {"version": 2}
    assert [303, 303] == [bob.press(confirmed, "PREPARING").status_code for _ in range(2)]
    assert 3 == cast.bob.order(placed["id"])["version"]


@pytest.mark.parametrize("origin", ["board", "order"])
def test_a_stale_form_is_refused_on_the_page_it_came_from(visit, placed, cast, origin):
    bob = visit("bob")
    cast.olive.move(placed["id"], "CONFIRMED")

    answer = (bob.press if origin == "board" else bob.move)(placed, "CONFIRMED")

    assert 412 == answer.status_code
    assert "Operator changed this order to “Confirmed” before you." in answer.text
    assert ("<h1>Orders</h1>" in answer.text) == (origin == "board")


def test_a_missing_reason_is_asked_for_and_nothing_is_moved(visit, placed, cast):
    answer = visit("alice").move(placed, "CANCELLED", reason="  ")

    assert 422 == answer.status_code
    assert "Give a reason." in answer.text
    assert "PENDING" == cast.alice.order(placed["id"])["status"]


def test_a_tracking_number_without_a_carrier_is_refused_with_a_hint(visit, placed, cast):
    for status in ("CONFIRMED", "PREPARING"):
        cast.bob.move(placed["id"], status)

    answer = visit("bob").move(cast.bob.order(placed["id"]), "SHIPPED", tracking_number="PP1")

    assert 422 == answer.status_code
    assert "Enter carrier and number" in answer.text


def test_a_form_without_the_pages_token_changes_nothing(visit, placed, cast):
    answer = visit("bob").move(placed, "CONFIRMED", csrf_token="")

    assert (400, "PENDING") == (answer.status_code, cast.bob.order(placed["id"])["status"])
    assert "This page has expired" in answer.text
