"""The first durable kind: a status e-mail to the buyer, over a real mail server with all kinds of behaviour."""

from __future__ import annotations

import dataclasses

import pytest

from app import build_app
from foundation.contract import example_of
from notifications.email import MAIL_SERVER
from operations.schemas import SideEffect
from orders.effects.email import STATUS_MAIL
from process import onward_of
from tests.integration.conftest import Outbox, send_through
from tests.integration.mail.server import body, running


def statuses(outbox):
    return [status for kind, _, status, _ in outbox.effects if kind == STATUS_MAIL]


def test_the_buyer_gets_a_mail_of_the_new_status(cast, bob, outbox, mail_server):
    order = cast.place(number="A-7", buyer_email="alice@example.org")
    outbox.run_until_idle()
    assert [] == outbox.effects, "a new order entries none"

    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    assert [(STATUS_MAIL, MAIL_SERVER, "pending", 0)] == outbox.effects
    outbox.try_again()

    assert ["succeeded"] == statuses(outbox)
    (mail,) = mail_server.mails
    assert ("alice@example.org", "orders@shop.test", "Your order #A-7 was confirmed.") == (
        mail["To"],
        mail["From"],
        mail["Subject"],
    )
    assert mail["Message-ID"].startswith(f"<{STATUS_MAIL}.order.")


def test_a_domain_beyond_ascii_is_sent_as_every_server_takes_it(cast, bob, outbox, mail_server):
    """It asked for SMTPUTF8, and was tried for three days."""
    bob.move(cast.place(buyer_email="u@müller.example")["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()

    (mail,) = mail_server.mails
    assert "u@xn--mller-kva.example" == mail["To"]
    assert ["u@xn--mller-kva.example"] == mail_server.envelopes[0].rcpt_tos
    assert [] == mail_server.envelopes[0].mail_options


@pytest.mark.parametrize(
    ("name", "greeting"),
    [
        ("Zoë Müller", "Hello Zoë Müller,"),
        ("Alice\n\nYour account\r\nis locked.\x1b", "Hello Alice Your account is locked.,"),
        ("Alice\n.\nMAIL FROM:<z>", "Hello Alice . MAIL FROM:<z>,"),
        ("Your account is locked: http://evil.example", "Hello,"),
        ("see WWW.evil", "Hello,"),
        ("evil.example", "Hello,"),
        ("mailto:z@evil", "Hello,"),
        (" ", "Hello,"),
    ],
    ids=ascii,
)
def test_a_name_is_one_line_and_no_link_whatever_stands_in_the_table(
    cast, bob, outbox, mail_server, sql, name, greeting
):
    """The sentence of a buyer led our mail, with a link of theirs."""
    order = cast.place(number="A-7")
    sql("UPDATE orders SET buyer_name = %s", name)
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()

    (mail,) = mail_server.mails
    assert [greeting, "", "Your order #A-7 was confirmed."] == body(mail).splitlines()[:3]
    assert {"From", "To", "Subject"} <= set(mail.keys())
    assert ["text/plain", "text/html"] == [part.get_content_type() for part in mail.get_payload()]
    assert "bcc" not in str(mail.keys()).lower()


def test_it_holds_a_link_to_the_order_where_the_service_has_an_address(settings, port, sql, empty, mail_server):
    app = build_app(dataclasses.replace(settings, smtp_url=f"smtp://127.0.0.1:{port}", public_url="https://shop.test"))
    outbox, cast = Outbox(onward_of(app), sql), send_through(app, settings)
    cast.bob.move(cast.place()["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()
    (mail,) = mail_server.mails
    link = body(mail).partition("https://shop.test")[2].split()[0]

    assert 200 == app.test_client().get(link).status_code
    onward_of(app).stop()


def test_a_server_that_is_away_costs_an_attempt_and_loses_nothing(cast, bob, outbox, port):
    order = cast.place()
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()
    assert [(STATUS_MAIL, MAIL_SERVER, "pending", 1)] == outbox.effects

    with running(port) as server:
        outbox.try_again()
        assert [(STATUS_MAIL, MAIL_SERVER, "succeeded", 2)] == outbox.effects
        assert 1 == len(server.mails)


@pytest.mark.parametrize(("answer", "status"), [("451 later, please", "pending"), ("550 nobody of that name", "dead")])
def test_a_server_that_says_no_is_believed(cast, bob, outbox, mail_server, answer, status, sql):
    mail_server.answer = answer
    order = cast.place()
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()

    assert [status] == statuses(outbox)
    assert answer.encode()[:3].decode() in sql("SELECT last_error FROM side_effects")[0][0]


def test_a_mailbox_that_does_not_exist_is_the_dead_letter_of_the_documentation(cast, bob, olive, outbox, mail_server):
    """It named a kind, a destination and an event type that do not exist, and a fingerprint that was none."""
    example = example_of(SideEffect)
    mail_server.recipients["alice@example.org"] = example["last_error"].partition("answered ")[2]
    bob.move(cast.place(buyer_email="alice@example.org")["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()

    (dead,) = olive.get("/api/ops/side-effects?status=dead").json["side_effects"]
    said = ("kind", "destination", "event_type", "attempts", "last_error", "fingerprint")
    assert [example[name] for name in said] == [dead[name] for name in said]


def test_mails_of_an_order_go_out_in_the_order_of_its_events(cast, bob, outbox, mail_server):
    order = cast.place()
    for status in ("CONFIRMED", "PREPARING", "READY"):
        bob.move(order["id"], status)
    outbox.run_until_idle()
    for expected in (1, 2, 3):
        outbox.try_again()
        assert expected == len(mail_server.mails), "the next one only after the one before"

    assert ["confirmed.", "prepared.", "ready."] == [mail["Subject"].split()[-1] for mail in mail_server.mails]


def test_a_paused_destination_hears_nothing_until_it_is_resumed(cast, bob, olive, outbox, mail_server):
    pause = {"destination": MAIL_SERVER, "action": "pause", "reason": "they asked us to"}
    assert 200 == olive.post("/api/ops/side-effects/circuits", pause).status
    order = cast.place()
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()
    assert ["pending"] == statuses(outbox)

    assert 200 == olive.post("/api/ops/side-effects/circuits", pause | {"action": "resume"}).status
    outbox.try_again()
    assert ["succeeded"] == statuses(outbox)
    assert ["resume", "pause"] == [one["action"] for one in olive.get("/api/ops/side-effects/actions").json["actions"]]


def test_in_sequential_mode_the_mail_is_sent_before_the_answer(cast, bob, outbox, mailing, mail_server):
    order = cast.place()
    outbox.run_until_idle()
    onward_of(mailing).engine.modes.learn({STATUS_MAIL: "sequential"})
    try:
        bob.move(order["id"], "CONFIRMED")
        assert 1 == len(mail_server.mails)
    finally:
        onward_of(mailing).engine.modes.learn({})


@pytest.mark.usefixtures("_green")
def test_without_a_mail_server_no_mail_is_recorded(settings):
    app = build_app(settings)

    assert STATUS_MAIL not in [effect.name for effect in onward_of(app).engine.event_types["order"].effects]


def test_an_answer_reaches_the_shop_if_it_says_where(cast, bob, outbox, mail_server):
    bob.request("PUT", "/api/sellers/1", {"name": "Bob, Mugs & more", "reply_to": "bob@müller.example"})
    for seller in (bob, cast.mallory):
        seller.move(cast.place(seller_id=seller.id)["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()

    answers = {mail["Reply-To"] for mail in mail_server.mails}
    assert {'"Bob, Mugs & more" <bob@xn--mller-kva.example>', None} == answers
