"""The e-mail about a message: to the side that did not write it, after a while, unless it is seen before."""

from __future__ import annotations

import email
import email.policy

import pytest

from tests.integration.mail.test_waiting_mail import put, time_passes, work

WORDS = "Is it blue? https://evil.example"


@pytest.fixture(autouse=True)
def _staff(bob, sql):
    """bob's shop has an account."""
    sql(
        "INSERT INTO people (email, name, role, principal_id, session_key, created_at)"
        " VALUES ('bob@shop.example', 'Bob', 'seller', %s, 'of bob', clock_timestamp() - interval '1 d')",
        bob.principal.id,
    )


@pytest.fixture
def order(cast):
    return cast.place()


def say(person, order, body=WORDS):
    answer = person.post(f"/api/orders/{order['id']}/messages", {"body": body})
    assert answer.status == 201, answer
    return answer.json


def about_messages(mail_server):
    return [one for one in mail_server.mails if "new message" in one["Subject"]]


@pytest.mark.parametrize("side", ["buyer", "seller"])
def test_the_side_that_did_not_write_it_gets_a_mail_that_does_not_quote_it(
    mode, alice, bob, order, outbox, mail_server, side
):
    say(alice if side == "seller" else bob, order)
    work(outbox)
    assert about_messages(mail_server) == []
    time_passes(outbox)

    (mail,) = about_messages(mail_server)
    assert mail["To"] == ("bob@shop.example" if side == "seller" else "alice@example.org")
    assert order["number"] in mail["Subject"]
    whole = email.message_from_bytes(mail.as_bytes(), policy=email.policy.default)
    assert all("blue" not in part.get_content() for part in whole.walk() if part.get_content_maintype() == "text")


def test_what_was_seen_before_is_not_mailed(alice, bob, order, outbox, sql, mail_server):
    said = say(alice, order)
    outbox.run_until_idle()
    assert bob.post(f"/api/orders/{order['id']}/messages/seen", {"up_to": said["id"]}).status == 200
    time_passes(outbox)

    assert about_messages(mail_server) == []
    assert sql("SELECT status, last_error FROM side_effects WHERE kind = 'email.message_to_seller'") == [
        ("superseded", "seen before it was due")
    ]


def test_who_has_turned_it_off_gets_neither_mail_nor_notification(alice, bob, order, outbox, sql, mail_server):
    put(alice, choices={"message.created": {"email": "off", "inbox": "off"}})
    say(bob, order)
    outbox.run_until_idle()
    time_passes(outbox)

    assert about_messages(mail_server) == []
    assert sql("SELECT count(*) FROM notifications WHERE kind = 'message'") == [(0,)]


def test_an_internal_note_is_mailed_to_nobody(bob, order, outbox, mail_server):
    note = bob.post(f"/api/orders/{order['id']}/messages", {"body": "He always complains.", "kind": "note"})
    assert note.status == 201
    outbox.run_until_idle()
    time_passes(outbox)

    assert about_messages(mail_server) == []
