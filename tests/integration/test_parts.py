"""Parts of pages: each has an address, is drawn as on its page, and a form answers those that it has changed."""

from __future__ import annotations

import re

import pytest

PART = re.compile(r'<(\w+)[^>]* data-part="([^"]+)"')
UNLIKE = re.compile(r'(name="(key|csrf_token)" value|content)="[^"]*"')
"""What is different in each answer."""


def parts_of(answer):
    return [name for _, name in PART.findall(answer.text)]


def test_a_part_is_drawn_as_on_its_page(visit, placed):
    bob = visit("bob")
    for path in ("/seller/orders", f"/seller/orders/{placed['id']}", "/inbox"):
        whole = bob.get(path)
        for name in parts_of(whole):
            part = bob.get(f"{path}?part={name}")

            assert [name] == parts_of(part)
            assert UNLIKE.sub("", part.text).strip() in UNLIKE.sub("", whole.text)


def test_many_parts_are_one_request(visit, cast):
    cast.place()

    assert ["column:PENDING", "closed"] == parts_of(visit("bob").get("/seller/orders?part=column:PENDING,closed"))


def test_a_form_answers_the_parts_that_it_changed(visit, placed):
    answer = visit("bob").press(placed, "CONFIRMED", part="said,column:PENDING,column:CONFIRMED")

    assert (200, ["said", "column:PENDING", "column:CONFIRMED"]) == (answer.status_code, parts_of(answer))
    assert f"Order #{placed['number']} is now “Confirmed”." in answer.text
    assert answer.text.index(f'id="order-{placed["id"]}"') > answer.text.index('data-part="column:CONFIRMED"')


def test_a_refused_form_answers_the_parts_with_the_reason(visit, placed, cast):
    bob = visit("bob")
    cast.olive.move(placed["id"], "CONFIRMED")

    answer = bob.press(placed, "CONFIRMED", part="said,column:PENDING,column:CONFIRMED")

    assert (412, ["said", "column:PENDING", "column:CONFIRMED"]) == (answer.status_code, parts_of(answer))
    assert "Operator changed this order to “Confirmed” before you." in answer.text


@pytest.mark.parametrize("names", ["nothing", "column", "closed:PENDING", "../error", "column:<b>", "head", "a," * 64])
def test_what_is_no_part_of_the_page_is_refused(visit, names):
    answer = visit("bob").get(f"/seller/orders?part={names}")

    assert 422 == answer.status_code
    assert "There is no such part of the page." in answer.text


@pytest.mark.parametrize("path", ["/preferences", "/settings", "/seller/orders/list"])
def test_a_page_without_parts_of_its_own_has_those_of_every_page(visit, path):
    bob = visit("bob")

    assert ["said"] == parts_of(bob.get(f"{path}?part=said"))
    assert 422 == bob.get(f"{path}?part=closed").status_code


def test_the_address_of_a_refused_button_leads_back_to_the_board(visit):
    assert "/seller/orders" == visit("bob").get("/orders/move").location


def test_who_has_signed_out_is_told_so_instead_of_being_sent_to_another_page(visit):
    bob = visit("bob")
    bob.post("/sign-out")

    assert 401 == bob.get("/seller/orders?part=closed").status_code


def test_what_is_no_button_moves_nothing(visit, placed, cast):
    bob = visit("bob")
    for value in (
        "",
        "1",
        "0:1:CONFIRMED",
        f"{placed['id']}:1:confirmed",
        f"{placed['id']}:1:CONFIRMED:2",
        "9" * 19 + ":1:A",
    ):
        assert 422 == bob.post("/orders/move", move=value, key="key").status_code
    assert 1 == cast.bob.order(placed["id"])["version"]
