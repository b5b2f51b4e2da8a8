"""The e-mail to a shop's staff about a new order: each person once, whatever happens to the others."""

from __future__ import annotations

import pytest

from access import people
from operations import completeness
from orders.effects.new_order_email import NEW_ORDER_MAIL
from process import onward_of
from tests.integration.mail.server import body

pytestmark = pytest.mark.usefixtures("empty")


@pytest.fixture
def hire(mailing):
    """Give bob's shop an account with this name."""

    def add(name, role="seller", id=1):
        with mailing.app_context():
            return people.add(f"{name}@example.org", name.title(), role, id)

    return add


def recipients(mail_server):
    return sorted(address for one in mail_server.envelopes for address in one.rcpt_tos)


def attempts(outbox):
    return [row for row in outbox.effects if row[0] == NEW_ORDER_MAIL]


@pytest.mark.parametrize("modes", [{}, {NEW_ORDER_MAIL: "sequential"}], ids=["background", "sequential"])
def test_each_person_of_the_shop_is_told_of_a_new_order(cast, outbox, mailing, mail_server, hire, modes):
    for name in ("bob", "bea"):
        hire(name)
    hire("mallory", id=2)
    hire("alice", "buyer")
    onward_of(mailing).engine.modes.learn(modes)
    try:
        cast.place(number="A-7")
        if not modes:
            outbox.run_until_idle()
            outbox.try_again()
    finally:
        onward_of(mailing).engine.modes.learn({})

    assert ["bea@example.org", "bob@example.org"] == recipients(mail_server)
    first, second = mail_server.mails
    assert ("New order #A-7 is waiting for you.",) * 2 == (first["Subject"], second["Subject"])
    assert "Total: €28.00" in body(first)
    assert "€28.00" in body(first, "html")
    assert first["Message-ID"] != second["Message-ID"]
    assert first["References"] == second["References"]
    assert [(NEW_ORDER_MAIL, "mail-server", "succeeded", 1)] == attempts(outbox)


def test_a_shop_without_accounts_has_nothing_to_be_sent(cast, outbox, sql):
    cast.place()
    outbox.run_until_idle()

    assert [] == outbox.effects
    assert [] == sql("SELECT * FROM sent_letters")


def test_a_change_of_the_status_is_no_new_order(cast, bob, outbox, mail_server, hire):
    order = cast.place()
    outbox.run_until_idle()
    hire("bob")
    bob.move(order["id"], "CONFIRMED")
    outbox.run_until_idle()
    outbox.try_again()

    assert ["alice@example.org"] == recipients(mail_server)


def test_whoever_failed_is_tried_again_and_the_others_are_not(cast, outbox, mail_server, hire):
    for name in ("bob", "full", "bea"):
        hire(name)
    mail_server.recipients["full@example.org"] = "452 the mailbox is full"
    cast.place()
    outbox.run_until_idle()
    outbox.try_again()
    assert [(NEW_ORDER_MAIL, "mail-server", "pending", 1)] == attempts(outbox)
    assert ["bea@example.org", "bob@example.org"] == recipients(mail_server)

    mail_server.recipients.clear()
    outbox.try_again()
    assert [(NEW_ORDER_MAIL, "mail-server", "succeeded", 2)] == attempts(outbox)
    assert ["bea@example.org", "bob@example.org", "full@example.org"] == recipients(mail_server)


def test_an_address_that_is_gone_is_a_dead_letter_and_the_others_have_theirs(cast, outbox, mail_server, hire):
    for name in ("gone", "bea"):
        hire(name)
    mail_server.recipients["gone@example.org"] = "550 nobody of that name"
    cast.place()
    outbox.run_until_idle()
    outbox.try_again()

    assert [(NEW_ORDER_MAIL, "mail-server", "dead", 1)] == attempts(outbox)
    assert ["bea@example.org"] == recipients(mail_server)


def test_nobody_is_told_of_what_they_did_themselves_nor_is_whoever_left(mailing, onward_mail, hire):
    bob, gone = hire("bob"), hire("gone")
    hire("bea")
    with mailing.app_context():
        people.disable(gone.email, "a test", "left")

    found = onward_mail.people([("seller", 1), ("seller", 1)], f"person:{bob.id}")
    assert ["bea@example.org"] == [one.email for one in found]


@pytest.fixture
def onward_mail(mailing):
    return onward_of(mailing).alerts._staff


def test_nothing_is_missing_of_it(cast, outbox, mail_server, hire, mailing, sql, monkeypatch):
    """The completeness check knows where there was nobody to write to."""
    monkeypatch.setattr(completeness, "COMPLETED_AFTER_SECONDS", -1)
    types = onward_of(mailing).engine.event_types.values()
    cast.place()
    outbox.run_until_idle()
    hire("bob")
    cast.place()
    outbox.run_until_idle()
    outbox.try_again()
    with mailing.app_context():
        assert [] == list(completeness.missing(types, 1))
        sql("DELETE FROM side_effects")
        assert [NEW_ORDER_MAIL] == [one.effect for one in completeness.missing(types, 1)]
