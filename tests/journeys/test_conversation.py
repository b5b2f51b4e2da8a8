"""A conversation over real streams and in real browsers: who receives what, and what is marked as seen."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.facts import eventually
from tests.journeys.browsers import Visitors, needs_browser
from tests.journeys.server import Server

pytestmark = [pytest.mark.journey]

SECRET = "zqinternal"


def test_no_stream_and_no_replay_of_the_buyer_or_a_stranger_has_a_note(server: Server) -> None:
    cast = server.cast()
    order = cast.place()
    path = f"/api/orders/{order['id']}/messages"
    eventually(server.at_rest)
    people = {"alice": cast.alice, "bob": cast.bob, "mallory": cast.mallory, "olive": cast.olive}
    streams = {name: server.stream(person.token) for name, person in people.items()}
    for stream in streams.values():
        stream.until_type("hello")
    before = {name: stream.last_event_id for name, stream in streams.items()}

    assert cast.bob.post(path, {"body": SECRET, "kind": "note"}).status == 201
    eventually(server.at_rest)
    assert cast.bob.post(path, {"body": "The last word"}).status == 201
    for name in ("alice", "bob", "olive"):
        streams[name].until(lambda events: "The last word" in str([one.data for one in events]))

    shown = {name: SECRET in str([one.data for one in stream.heard]) for name, stream in streams.items()}
    assert {"alice": False, "bob": True, "mallory": False, "olive": True} == shown
    assert {"hello", "heartbeat"} >= set(streams["mallory"].types)
    with server.stream(cast.alice.token, before["alice"]) as again:
        again.until(lambda events: "The last word" in str([one.data for one in events]))
        assert SECRET not in str([one.data for one in again.heard])
    for stream in streams.values():
        stream.close()


@pytest.mark.browser
@needs_browser
def test_a_note_stays_with_the_seller_and_a_message_is_marked_as_seen(visitors: Visitors, order: Any) -> None:
    bob = visitors.signed_in("Bob", f"/seller/orders/{order['id']}")
    alice = visitors.signed_in("Alice", f"/buyer/orders/{order['id']}")

    bob.get_by_label("Internal note").check()
    bob.get_by_label("Message", exact=True).fill(SECRET)
    bob.get_by_role("button", name="Send").click()
    expect(bob.locator(".message.internal")).to_contain_text("Internal note")

    bob.get_by_label("Internal note").uncheck()
    bob.get_by_label("Message", exact=True).fill("Hello Alice")
    bob.get_by_role("button", name="Send").click()

    expect(alice.locator(".message.theirs")).to_contain_text("Hello Alice")
    expect(alice.locator(".message")).to_have_count(1)
    expect(bob.locator(".message.mine").last).to_contain_text("Seen by Alice Archer")
