"""Internal notes: the seller's people and operators read them, and a buyer or a stranger nothing of them, anywhere."""

from __future__ import annotations

import re

import pytest

from tests.integration.test_events import read_all
from tests.integration.visitor import Visitor, press_button

SECRET = "zqinternal"
ENDLESS = ("/api/stream",)
"""Not to be read to its end; tests/journeys/test_conversation.py listens to it."""


def write(person, order, text=SECRET, kind="note", **members):
    reply = person.post(f"/api/orders/{order['id']}/messages", {"body": text, "kind": kind} | members)
    assert reply.status == 201, reply
    return reply.json


@pytest.fixture
def noted(placed, bob, olive, alice, outbox):
    """An order with a note of bob's and one of olive's among messages."""
    write(alice, placed, "When?", "person")
    write(bob, placed, f"{SECRET} of bob")
    write(olive, placed, f"{SECRET} of olive")
    write(bob, placed, "Tomorrow", "person")
    outbox.run_until_idle()
    return placed


def bodies(person, order):
    return [one["body"] for one in person.get(f"/api/orders/{order['id']}/messages").json["messages"]]


def test_a_conversation_has_its_notes_for_those_who_read_them(noted, alice, bob, olive, shop):
    everything = ["When?", f"{SECRET} of bob", f"{SECRET} of olive", "Tomorrow"]

    for person in (bob, olive, shop):
        assert everything == bodies(person, noted)
    assert ["When?", "Tomorrow"] == bodies(alice, noted)
    found = bob.get(f"/api/orders/{noted['id']}/messages").json["messages"]
    assert ["person", "note", "note", "person"] == [one["kind"] for one in found]


def test_a_note_is_written_by_the_seller_and_operators_alone(placed, alice, shop, mallory, sql):
    path, note = f"/api/orders/{placed['id']}/messages", {"body": "x", "kind": "note"}

    assert [403, 403, 404] == [person.post(path, note).status for person in (alice, shop, mallory)]
    assert [(0,)] == sql("SELECT count(*) FROM internal_notes")


def test_no_route_shows_a_note_to_a_buyer_or_a_stranger(app, noted, alice, mallory, sql):
    """Every route that reads, by token and by page; what it answers does not matter."""
    shown, asked = [], 0
    for person in (alice, mallory):
        client = app.test_client()
        press_button(client, person.principal.role, person.id)
        for path in paths(app, noted["id"]):
            for headers in ({"Authorization": f"Bearer {person.token}"}, {}):
                reader = client if not headers else app.test_client()
                answer = reader.get(path, headers=headers)
                asked += answer.status_code == 200
                shown += [path] if SECRET in answer.get_data(as_text=True) else []

    assert asked > 40
    assert [] == shown


def paths(app, order_id):
    """Every path that can be read, with the order's id wherever one stands."""
    for rule in app.url_map.iter_rules():
        if "GET" in rule.methods and not rule.rule.startswith(("/static", "/assets", *ENDLESS)):
            yield re.sub(r"<[^>]*side[^>]*>", "buyer", re.sub(r"<[^>]*id>", str(order_id), rule.rule)).replace("<", "")


def test_what_shows_them_to_bob_would_show_them_to_alice(app, noted, bob):
    """Or the test above looks where nothing is."""
    client = app.test_client()
    press_button(client, "seller", bob.id)

    assert SECRET in client.get(f"/seller/orders/{noted['id']}").text
    assert SECRET in client.get(f"/api/orders/{noted['id']}/messages").text


def test_whoever_has_a_tracking_link_sees_no_note(app, noted, alice):
    url = alice.post(f"/api/orders/{noted['id']}/tracking-links", {}).json["url"]

    page = Visitor(app.test_client()).get(re.sub(r"^https?://[^/]+", "", url)).text

    assert SECRET not in page


def test_the_events_of_a_note_are_the_sellers(mode, form, placed, alice, bob, olive, mallory, outbox, sql):
    note = write(bob, placed)
    write(olive, placed, f"{SECRET} of olive")
    outbox.run_until_idle()

    for reader in (bob, olive):
        events = [one for one in read_all(reader)[0] if SECRET in str(one)]
        assert {f"seller:{bob.id}"} == {one["channel"] for one in events}
        assert ["message.created", "message.created", "notification.created"] == [one["type"] for one in events]
        assert note["id"] == events[0]["data"]["message"]["id"]
    assert note == next(one["data"]["message"] for one in read_all(bob)[0] if SECRET in str(one))
    for stranger in (alice, mallory):
        assert SECRET not in str(read_all(stranger)[0])
    assert [] == sql(f"SELECT FROM live_events WHERE data LIKE '%{SECRET}%' AND channel NOT LIKE 'seller:%'")
    assert [] == outbox.rows


def test_a_buyer_who_polls_one_by_one_does_not_notice_that_something_was_left_out(noted, alice, outbox):
    """An empty page with more behind it would say that there was a note."""
    path, sizes = "/api/events?limit=1", []
    while path:
        page = alice.get(path).json
        sizes.append(len(page["events"]))
        path = page["more"] and f"/api/events?limit=1&after={page['next_cursor']}"

    assert 0 not in sizes[:-1]


def test_an_operators_note_notifies_the_seller_and_a_sellers_nobody(placed, alice, bob, olive, outbox):
    def inboxes():
        return [person.get("/api/notifications").json["notifications"] for person in (alice, bob)]

    before = inboxes()
    write(bob, placed)
    outbox.run_until_idle()
    assert before == inboxes()

    write(olive, placed, "Look at the address")
    outbox.run_until_idle()
    to_alice, (note, *others) = inboxes()
    assert before == [to_alice, others]
    assert ("note", f"Order #{placed['number']} · internal note", "Look at the address") == (
        note["kind"],
        note["title"],
        note["body"],
    )


def test_no_export_and_no_search_has_a_note(noted, alice, bob, olive, mallory, app):
    exported = olive.get(f"/api/ops/personal-data?buyer_id={alice.id}")
    assert exported.status == 200
    assert "Tomorrow" in str(exported.json)
    assert SECRET not in str(exported.json)

    for person in (alice, mallory, bob):
        assert [] == person.get(f"/api/orders?q={SECRET}").json["orders"]
        headers = {"Authorization": f"Bearer {person.token}", "Accept": "text/csv"}
        assert SECRET not in app.test_client().get("/api/orders", headers=headers).text


def test_an_erasure_takes_notes_and_what_followed_from_them(form, noted, alice, bob, olive, outbox):
    reason = {"buyer_id": alice.id, "reason": "asked"}
    assert olive.post("/api/ops/personal-data/erase", reason).status == 200

    assert ["(erased)"] * 4 == bodies(olive, noted)
    assert SECRET not in str(read_all(olive)[0])
    assert SECRET not in str(bob.get("/api/notifications").json)


def test_a_note_is_marked_on_the_page_and_the_switch_writes_one(visit, placed, outbox):
    bob, alice = visit("bob"), visit("alice")
    bob.get(f"/seller/orders/{placed['id']}")
    assert bob.post(f"/orders/{placed['id']}/messages", body=f"<b>{SECRET}</b>", internal="yes").status_code == 303

    page = bob.get(f"/seller/orders/{placed['id']}").text
    assert 'class="message mine internal"' in page
    assert '<p class="kind">Internal note</p>' in page
    assert f"&lt;b&gt;{SECRET}&lt;/b&gt;" in page
    bought = alice.get(f"/buyer/orders/{placed['id']}").text
    assert SECRET not in bought
    assert 'name="internal"' not in bought


def test_a_note_that_is_refused_stays_a_note(visit, placed):
    """Sent again from the page that says why, it must not reach the buyer."""
    bob = visit("bob")
    bob.get(f"/seller/orders/{placed['id']}")

    refused = bob.post(f"/orders/{placed['id']}/messages", body="x" * 4001, internal="yes")

    assert refused.status_code == 422
    assert re.search(r'name="internal" value="note" checked', refused.text)


def test_a_buyers_form_cannot_write_one(visit, placed, sql):
    alice = visit("alice")
    alice.get(f"/buyer/orders/{placed['id']}")

    assert alice.post(f"/orders/{placed['id']}/messages", body="x", internal="yes").status_code == 403
    assert [(0,)] == sql("SELECT count(*) FROM internal_notes")
