"""The conversation of an order: who is notified, what was sent twice, who has seen what, and its limits."""

from __future__ import annotations

import pytest

from access import api_keys
from access.api_keys import NewKey
from chat import messages
from tests.cast import Person
from tests.integration.conftest import send_through
from tests.integration.test_events import read_all


def path_of(order, rest=""):
    return f"/api/orders/{order['id']}/messages{rest}"


def say(person, order, body, **members):
    reply = person.post(path_of(order), {"body": body} | members)
    assert reply.status == 201, reply
    return reply.json


def of_messages(person):
    """The notifications that this person has of messages, newest first."""
    return [one for one in person.get("/api/notifications").json["notifications"] if one["kind"] == "message"]


@pytest.fixture
def erp(app, cast):
    """The seller's own system: somebody else than bob, for the same account."""
    with app.app_context():
        _, text = api_keys.create(NewKey("ERP", "seller", 1, ("chat:read", "chat:write")), "a test")
    return Person(cast.bob.principal, text, cast.bob.send)


def test_a_message_notifies_the_side_that_did_not_write_it(mode, placed, alice, bob, outbox):
    for number in range(3):
        say(alice, placed, f"Question {number}")
    say(bob, placed, "Answer")
    outbox.run_until_idle()

    assert ["Question 2", "Question 1", "Question 0"] == [one["body"] for one in of_messages(bob)]
    assert [f"Order #{placed['number']} · new message"] == [one["title"] for one in of_messages(alice)]


def test_a_message_of_neither_side_notifies_both(placed, alice, bob, olive, shop, outbox):
    say(olive, placed, "We are looking into it")
    say(shop, placed, "Paid")
    outbox.run_until_idle()

    for person in (alice, bob):
        assert ["Paid", "We are looking into it"] == [one["body"] for one in of_messages(person)]


def test_a_message_and_its_notification_are_committed_together(placed, alice, bob, outbox, sql, onward):
    """A process that dies after its answer leaves both to another."""
    say(alice, placed, "Before the crash")
    assert [] == of_messages(bob)
    onward.engine._leases.clear()
    onward.engine.writer.clear()
    sql("UPDATE outbox SET lease_until = clock_timestamp() - interval '1 s'")

    assert 1 == outbox.look()

    assert ["Before the crash"] == [one["body"] for one in of_messages(bob)]
    assert 0 == outbox.look()


def test_a_notification_has_the_beginning_of_a_long_message(placed, alice, bob, outbox):
    say(alice, placed, "x" * 4000)
    outbox.run_until_idle()

    assert ["x" * 199 + "…"] == [one["body"] for one in of_messages(bob)]


def test_system_messages_name_the_change_and_have_each_sides_words(placed, alice, bob, outbox):
    bob.move(placed["id"], "CONFIRMED")
    outbox.run_until_idle()
    change = bob.get(f"/api/orders/{placed['id']}/history").json["events"][-1]

    for person, words in ((alice, "Order confirmed"), (bob, "Status changed to Confirmed")):
        (message,) = person.get(path_of(placed)).json["messages"]
        assert ("system", change["id"], words) == (message["kind"], message["event_id"], message["body"])
        assert message in [one["data"].get("message") for one in read_all(person)[0]]


def test_a_message_that_is_sent_again_is_written_once(placed, alice, bob, outbox, sql):
    first = say(alice, placed, "Hello", client_message_id="a-1")
    again = say(alice, placed, "Hello", client_message_id="a-1")
    outbox.run_until_idle()

    assert first == again
    assert [(1,)] == sql("SELECT count(*) FROM messages")
    assert 1 == len(of_messages(bob))
    assert "a-1" == alice.get(path_of(placed)).json["messages"][0]["client_message_id"]
    assert bob.get(path_of(placed)).json["messages"][0]["client_message_id"] is None


@pytest.mark.parametrize("other", [{"body": "Goodbye"}, {"kind": "note"}])
def test_another_message_under_the_same_id_is_refused(placed, olive, other, sql):
    sent = {"body": "Hello", "client_message_id": "a-1"}
    olive.post(path_of(placed), sent)

    refused = olive.post(path_of(placed), sent | other)

    assert (409, "message_id_reused") == (refused.status, refused.json["code"])
    assert [(1,)] == sql("SELECT count(*) FROM messages")
    assert [(0,)] == sql("SELECT count(*) FROM internal_notes")


def test_ids_are_each_persons_and_each_conversations_own(cast, placed, alice, bob, outbox):
    elsewhere = cast.place()
    sent = [say(who, where, "Hello", client_message_id="1") for who in (alice, bob) for where in (placed, elsewhere)]

    assert 4 == len({one["id"] for one in sent})


@pytest.mark.parametrize("kind", ["person", "note"])
def test_two_requests_at_once_write_one_message(placed, bob, monkeypatch, sql, kind):
    """The second has looked before the first has written."""
    look, looks = messages._sent_before, []

    def too_early(*args):
        looks.append(args)
        return None if len(looks) in (1, 2) else look(*args)

    monkeypatch.setattr(messages, "_sent_before", too_early)
    first, second = (say(bob, placed, "Hello", client_message_id="a-1", kind=kind) for _ in range(2))

    assert first == second
    assert 3 == len(looks)


def test_a_mark_says_who_has_seen_what_and_never_moves_back(mode, form, placed, alice, bob, outbox):
    first, second = (say(alice, placed, text)["id"] for text in ("One", "Two"))
    assert (2, []) == unread_and_seen(bob, placed)

    assert bob.post(path_of(placed, "/seen"), {"up_to": second}).json["unread_count"] == 0
    bob.post(path_of(placed, "/seen"), {"up_to": first})
    outbox.run_until_idle()

    for person in (alice, bob):
        unread, (mark,) = unread_and_seen(person, placed)
        assert (0, placed["id"], {"role": "seller", "id": bob.id}, second) == (
            unread,
            mark["order_id"],
            mark["reader"],
            mark["up_to"],
        )
        assert [mark] == [one["data"]["seen"] for one in read_all(person)[0] if one["type"] == "message.seen"]
    assert [] == outbox.rows


def unread_and_seen(person, order):
    found = person.get(path_of(order)).json
    return found["unread_count"], found["seen"]


def test_unread_is_counted_for_each_person(placed, alice, bob, erp, olive):
    up_to = say(alice, placed, "Hello")["id"]
    say(erp, placed, "Printed")
    assert [2, 1, 1, 2] == [unread_and_seen(person, placed)[0] for person in (bob, erp, alice, olive)]

    bob.post(path_of(placed, "/seen"), {"up_to": up_to})

    assert [1, 1, 1, 2] == [unread_and_seen(person, placed)[0] for person in (bob, erp, alice, olive)]


def test_each_side_sees_its_own_people_and_of_the_other_one_account(placed, alice, bob, erp, outbox):
    up_to = say(alice, placed, "Hello")["id"]
    for person in (bob, erp):
        person.post(path_of(placed, "/seen"), {"up_to": up_to})

    assert [{"role": "seller", "id": bob.id}] == [one["reader"] for one in unread_and_seen(alice, placed)[1]]
    assert {None, "ERP"} == {one["reader"].get("api_key", {}).get("name") for one in unread_and_seen(bob, placed)[1]}


def test_what_reports_my_own_change_is_not_unread_for_me(placed, alice, bob, erp, outbox):
    bob.move(placed["id"], "CONFIRMED")
    outbox.run_until_idle()

    assert [0, 1, 1] == [unread_and_seen(person, placed)[0] for person in (bob, alice, erp)]


def test_a_mark_that_moves_over_notes_only_moves_for_nobody_else(placed, alice, bob, olive, outbox):
    """Or alice would see that something was read that she cannot."""
    seen = say(alice, placed, "Hello")["id"]
    bob.post(path_of(placed, "/seen"), {"up_to": seen})
    note = say(olive, placed, "Careful", kind="note")["id"]
    outbox.run_until_idle()
    before = unread_and_seen(alice, placed), read_all(alice)
    assert 1 == unread_and_seen(bob, placed)[0]

    assert 0 == bob.post(path_of(placed, "/seen"), {"up_to": note}).json["unread_count"]
    outbox.run_until_idle()

    assert before == (unread_and_seen(alice, placed), read_all(alice))
    alice.post(path_of(placed, "/seen"), {"up_to": note})
    assert {seen} == {one["up_to"] for one in unread_and_seen(alice, placed)[1]}


def test_what_operators_have_seen_is_their_own(placed, alice, olive, outbox):
    up_to = say(alice, placed, "Hello")["id"]
    outbox.run_until_idle()
    assert olive.post(path_of(placed, "/seen"), {"up_to": up_to}).json == {"unread_count": 0, "seen": []}
    assert [] == outbox.rows


def test_pages_go_back_to_the_first_with_notes_and_without(placed, alice, bob):
    for number in range(7):
        say(bob, placed, str(number), kind="note" if number % 3 == 1 else "person")

    for person, expected in ((bob, "0123456"), (alice, "02356")):
        for limit in (1, 2, 3, 7):
            found, cursor = [], ""
            while cursor is not None:
                page = person.get(path_of(placed, f"?limit={limit}{cursor}")).json
                found = [one["body"] for one in page["messages"]] + found
                cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
            assert expected == "".join(found)


def test_a_message_is_plain_text(placed, alice):
    assert "one\ntwo\nthree\tx" == say(alice, placed, "one\r\ntwo\rthree\tx")["body"]
    for control in ("\x1b[2J", "\x07", "\x7f", "\x9b"):
        refused = alice.post(path_of(placed), {"body": f"a{control}b"})
        assert (422, "body") == (refused.status, refused.json["errors"][0]["field"])


def test_a_person_who_writes_too_much_waits_and_nobody_else_does(app_with, settings, cast, placed, erp):
    people = send_through(app_with(rate_limit_messages=2), settings)
    system = Person(people.bob.principal, erp.token, people.bob.send)
    written = [people.bob.post(path_of(placed), {"body": "Hello"}) for _ in range(3)]

    assert [201, 201, 429] == [one.status for one in written]
    assert 1 <= int(written[2].headers["Retry-After"]) <= 60
    assert "More than 2 messages a minute." in written[2].json["detail"]
    assert [201, 201] == [one.post(path_of(placed), {"body": "Hello"}).status for one in (system, people.alice)]


def test_what_is_new_and_what_the_other_side_has_seen_is_on_the_page(visit, placed, outbox):
    alice, bob = visit("alice"), visit("bob")
    alice.post(f"/orders/{placed['id']}/messages", body="Hello")
    page = bob.get(f"/seller/orders/{placed['id']}").text
    assert "1 new" in page

    up_to = page.partition('name="up_to" value="')[2].partition('"')[0]
    assert bob.post(f"/orders/{placed['id']}/messages/seen", up_to=up_to).status_code == 303

    assert "1 new" not in bob.get(f"/seller/orders/{placed['id']}").text
    assert "Seen by The shop" in alice.get(f"/buyer/orders/{placed['id']}").text
    assert bob.post(f"/orders/{placed['id']}/messages/seen", up_to="9" * 30).status_code == 303
