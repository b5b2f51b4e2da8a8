"""A mended address, and the notification sent again."""

from __future__ import annotations

import pytest

from notifications.email import MAIL_SERVER
from orders.effects.email import STATUS_MAIL
from tests.integration.mail.server import body, running

DHL = {"carrier": "DHL", "number": "JD01", "url": "https://dhl.example/JD01", "expected_on": "2026-12-01"}
UPS = {"carrier": "UPS", "number": "1Z"}


def edit(person, order, body):
    return person.request("PATCH", f"/api/orders/{order['id']}", body)


def resend(person, order, **headers):
    return person.request("POST", f"/api/orders/{order['id']}/notifications/resend", None, **headers)


@pytest.fixture
def confirmed(cast, bob, outbox, mail_server):
    """An order whose buyer got a mail about its status."""
    order = cast.place(number="#1001")
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()
    return order


def test_a_mail_that_waits_goes_to_the_mended_address(cast, bob, outbox, port):
    """The address is read at each attempt."""
    order = cast.place(buyer_email="alcie@example.org")
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()
    assert [(STATUS_MAIL, MAIL_SERVER, "pending", 1)] == outbox.effects

    edit(bob, order, {"buyer_email": "alice@example.org", "buyer_name": "Alice Archer"})
    with running(port) as server:
        outbox.try_again()
        assert [["alice@example.org"]] == [envelope.rcpt_tos for envelope in server.envelopes]


@pytest.mark.usefixtures("mode")
def test_the_last_notification_is_sent_again_to_todays_address(confirmed, alice, bob, outbox, mail_server, sql):
    edit(bob, confirmed, {"buyer_email": "alice@new.example"})
    reply = resend(bob, confirmed, Idempotency_Key="once")
    again = resend(bob, confirmed, Idempotency_Key="once")
    outbox.run_until_idle()
    outbox.try_again()

    assert (200, 4, '"4"', reply.json) == (reply.status, reply.json["version"], reply.headers["ETag"], again.json)
    first, second = mail_server.mails
    assert ("Your order #1001 was confirmed.",) * 2 == (first["Subject"], second["Subject"])
    assert ["alice@new.example"] == mail_server.envelopes[1].rcpt_tos
    assert first["Message-ID"] != second["Message-ID"]
    last = bob.get(f"/api/orders/{confirmed['id']}/history").json["events"][-1]
    assert ("order.notification_resent", [], "seller") == (last["type"], last["changed"], last["actor"]["role"])
    assert {STATUS_MAIL: "succeeded"}.items() <= {one["effect"]: one["status"] for one in last["effects"]}.items()
    assert [("buyer", 2), ("seller", 0)] == [
        (role, sum(one["kind"] == "status" and "confirmed" in one["title"] for one in inbox))
        for role, inbox in (
            (who.principal.role, who.get("/api/notifications").json["notifications"]) for who in (alice, bob)
        )
    ]
    assert [] == outbox.rows


def test_what_is_sent_again_has_the_reason_of_its_change(cast, bob, outbox, mail_server):
    order = cast.place()
    bob.move(order["id"], "CANCELLED", "Sold out")
    outbox.run_until_idle()
    outbox.try_again()
    resend(bob, order)
    outbox.run_until_idle()
    outbox.try_again()

    assert ["Sold out" in body(mail) for mail in mail_server.mails] == [True, True]


def test_one_that_is_underway_is_not_sent_twice(cast, bob, outbox):
    order = cast.place()
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    reply = resend(bob, order)

    assert (409, "nothing_to_resend") == (reply.status, reply.json["code"])
    assert "still being sent" in reply.json["detail"]


def test_there_is_nothing_to_send_again_of_a_new_order_or_to_an_erased_buyer(placed, confirmed, bob, sql):
    assert (409, "nothing_to_resend") == ((reply := resend(bob, placed)).status, reply.json["code"])
    sql("UPDATE orders SET buyer_email = ''")
    assert (409, "buyer_erased") == ((reply := resend(bob, confirmed)).status, reply.json["code"])


def test_nobody_is_flooded(confirmed, bob, outbox):
    for _ in range(5):
        assert 200 == resend(bob, confirmed).status
        outbox.run_until_idle()
        outbox.try_again()
    reply = resend(bob, confirmed)

    assert 429 == reply.status
    assert 3500 < int(reply.headers["Retry-After"]) <= 3600


def test_the_mail_of_a_shipped_order_shows_its_parcels(cast, bob, outbox, mail_server):
    order = cast.place()
    for status in ("CONFIRMED", "PREPARING", "SHIPPED"):
        bob.move(order["id"], status)
    edit(bob, order, {"parcels": [DHL, UPS]})
    outbox.run_until_idle()
    for _ in range(3):
        outbox.try_again()

    confirmed, *_, shipped = map(body, mail_server.mails)
    assert "Parcel" not in confirmed
    assert "\nParcel: DHL JD01, expected 1 December 2026\nhttps://dhl.example/JD01\n" in shipped
    assert "\nParcel: UPS 1Z\n" in shipped
