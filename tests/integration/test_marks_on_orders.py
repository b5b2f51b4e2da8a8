"""What is to be seen of an order at a glance, and the page of conversations."""

from __future__ import annotations

import re

import pytest

from tests.integration.visitor import Visitor

DEAD = """
INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status, last_error)
SELECT 'email.buyer', 'smtp', 'order', id, order_id, 'dead', 'No such mailbox.' FROM order_events WHERE order_id = %s"""


def say(person, order: int, body: str) -> int:
    reply = person.post(f"/api/orders/{order}/messages", {"body": body})
    assert reply.status == 201, reply
    return int(reply.json["id"])


def card(page: str, order: int) -> str:
    (found,) = re.findall(rf'<(?:li|tr) class="(?:card|row)[^>]*data-order="{order}".*?</(?:li|tr)>', page, re.DOTALL)
    return str(found)


@pytest.mark.parametrize("path", ["/seller/orders?view=board", "/seller/orders/list"])
def test_a_message_of_the_buyer_marks_the_order_until_it_is_seen(visit, cast, path):
    order, other = cast.place()["id"], cast.place()["id"]
    said = say(cast.alice, order, "Can you add a card?")
    bob: Visitor = visit("bob")

    page = bob.get(path).text
    assert "New message" in card(page, order)
    assert "New message" not in card(page, other)
    bob.post(f"/orders/{order}/messages/seen", up_to=said)

    assert "New message" not in card(bob.get(path).text, order)


def test_an_email_that_was_given_up_marks_the_order(visit, cast, sql):
    order, other = cast.place()["id"], cast.place()["id"]
    sql(DEAD, order)

    page = visit("bob").get("/seller/orders?view=board").text

    assert "E-mail not delivered" in card(page, order)
    assert "E-mail not delivered" not in card(page, other)


def test_operators_see_whose_order_it_is(visit, cast):
    order = cast.place()["id"]

    assert f"Shop {cast.bob.id}" in card(visit("olive").get("/operator/orders?view=board").text, order)
    assert "Shop" not in card(visit("bob").get("/seller/orders?view=board").text, order)


def test_conversations_are_listed_with_what_is_unread_first(visit, cast):
    old, seen, silent = (cast.place() for _ in range(3))
    say(cast.alice, old["id"], "Is it blue?")
    answered = say(cast.alice, seen["id"], "Thank you!")
    bob: Visitor = visit("bob")
    bob.get("/inbox")
    bob.post(f"/orders/{seen['id']}/messages/seen", up_to=answered)

    page = bob.get("/seller/messages").text

    talks = re.findall(r'<li class="talk-row( unread)?" id="talk-(\d+)"', page)
    assert [(" unread", str(old["id"])), ("", str(seen["id"]))] == talks
    assert "Is it blue?" in page
    assert f"talk-{silent['id']}" not in page


def test_nobody_reads_the_conversations_of_another_shop(visit, cast):
    order = cast.place(seller_id=cast.mallory.id)["id"]
    say(cast.alice, order, "For Mallory alone")

    assert "For Mallory alone" not in visit("bob").get("/seller/messages").text
    assert "For Mallory alone" in visit("olive").get("/operator/messages").text
