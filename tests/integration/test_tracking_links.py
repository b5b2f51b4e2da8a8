"""Links with which a buyer without an account follows one order."""

from __future__ import annotations

import dataclasses

import pytest

from access.tracking_links import TrackingLinks
from foundation import clock
from process import onward_of

DAY = 24 * 3600


@pytest.fixture
def link(bob, placed):
    """The path of a link that bob has made for his buyer."""
    reply = bob.post(f"/api/orders/{placed['id']}/tracking-links", {"days": 7})
    assert 201 == reply.status, reply.json
    return path_of(reply)


def path_of(reply):
    return "/t/" + reply.json["url"].partition("/t/")[2]


@pytest.fixture
def visit(app, outbox):
    """Open a page as somebody whom nobody knows: the status and the text."""

    def visit(path):
        with app.test_client(use_cookies=False).get(path) as answer:
            assert "onward_session" not in answer.headers.get("Set-Cookie", "")
            return answer.status_code, answer.get_data(as_text=True)

    return visit


def test_whoever_has_the_link_reads_the_order(link, visit, placed, bob, outbox):
    bob.move(placed["id"], "CONFIRMED")
    outbox.run_until_idle()
    status, page = visit(link)

    assert 200 == status
    assert "Order confirmed" in page
    assert f"#{placed['number']}" in page
    assert "Blue mug" in page


def test_there_is_nothing_to_press_and_nothing_private(link, visit, placed, alice, bob, outbox):
    alice.post(f"/api/orders/{placed['id']}/messages", {"body": "a word between us"})
    _, page = visit(link)

    assert not [word for word in ("<form", "<input", "<button", "a word between us", "alice@") if word in page]


def test_it_is_no_credential_for_anything_else(link, app):
    client = app.test_client(use_cookies=False)
    token = link.removeprefix("/t/")

    assert 401 == client.get("/api/orders", headers={"Authorization": f"Bearer {token}"}).status_code
    assert 401 == client.get("/api/stream", query_string={"ticket": token}).status_code


@pytest.mark.parametrize("forged", ["x", "WzEsMSwwLDk5OTk5OTk5OTld.AAAA", "é", "x" * 3000])
def test_a_forged_link_shows_nothing(visit, forged):
    status, page = visit(f"/t/{forged}")

    assert 404 == status
    assert "no longer valid" in page


def test_a_link_to_another_order_is_not_made_of_this_one(link, visit):
    head, _, signature = link.rpartition(".")

    assert 404 == visit(f"{head}A.{signature}")[0]


def test_it_ends(link, visit, monkeypatch):
    now = clock.unix_seconds()
    monkeypatch.setattr(clock, "unix_seconds", lambda: now + 7 * DAY - 60)
    assert 200 == visit(link)[0]
    monkeypatch.setattr(clock, "unix_seconds", lambda: now + 7 * DAY + 60)
    assert 404 == visit(link)[0]


def test_all_links_of_an_order_can_be_taken_back(app, link, visit, placed, bob, cast):
    other = path_of(bob.post(f"/api/orders/{cast.place()['id']}/tracking-links", {}))
    reply = bob.post(f"/api/orders/{placed['id']}/tracking-links/revoke", {"reason": "a wrong address"})
    onward_of(app).access.refresher.look()

    assert f"order:{placed['id']}" == reply.json["revoked"]
    assert [404, 200] == [visit(link)[0], visit(other)[0]]
    again = path_of(bob.post(f"/api/orders/{placed['id']}/tracking-links", {}))
    assert 200 == visit(again)[0], "one that is made afterwards is good"


def test_it_ends_with_the_buyers_data(app, link, visit, alice, olive):
    olive.post("/api/ops/personal-data/erase", {"buyer_id": alice.id, "reason": "has asked"})
    onward_of(app).access.refresher.look()

    assert 404 == visit(link)[0]


def test_it_outlives_the_key_that_signed_it_as_long_as_that_is_named(link, settings, app):
    revocations = onward_of(app).access.credentials.tokens.revocations
    changed = dataclasses.replace(settings, jwt_secret="n" * 32, jwt_previous_secret=settings.jwt_secret)
    read = TrackingLinks(changed, revocations).read(link.removeprefix("/t/"))

    assert "buyer" == read.principal.role


def test_revoking_the_links_of_an_order_ends_their_streams(app, link, bob, placed):
    """No stream had the name of what was revoked, and all of them went on."""
    credentials = onward_of(app).access.credentials
    bob.post(f"/api/orders/{placed['id']}/tracking-links/revoke", {"reason": "a wrong address"})
    onward_of(app).access.refresher.look()

    name = f"order:{placed['id']}"
    assert {name} == set(credentials.rights_lost({name, "order:1000000", "buyer:1"}))


def test_its_stream_counts_as_a_read_of_the_address(app_with, cast, placed, outbox):
    path = path_of(cast.bob.post(f"/api/orders/{placed['id']}/tracking-links", {}))
    client = app_with(rate_limit_reads=3).test_client(use_cookies=False)
    client.environ_base["REMOTE_ADDR"] = "10.0.0.9"

    def opening(address):
        with client.get(f"{path}/stream", environ_base={"REMOTE_ADDR": address}) as answer:
            assert (200, "text/event-stream") == (answer.status_code, answer.mimetype)
            return answer.get_data(as_text=True)

    assert any('"reason":"too many requests"' in opening("10.0.0.9") for _ in range(5))
    assert "too many requests" not in opening("10.0.0.10")


@pytest.mark.parametrize("days", [0, 366, "7", None])
def test_a_link_lasts_for_a_day_to_a_year(bob, placed, days):
    assert 422 == bob.post(f"/api/orders/{placed['id']}/tracking-links", {"days": days}).status
