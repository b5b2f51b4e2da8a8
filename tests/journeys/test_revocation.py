"""Credentials that are revoked while they are used, over all processes."""

from __future__ import annotations

import re

import pytest
import requests

from tests.facts import eventually

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("spine")]

CONNECTIONS = 8
"""New ones each, so that every worker is asked."""


def statuses(server, token):
    return answers(server, {"Authorization": f"Bearer {token}"})


def statuses_of(server, path):
    return {requests.get(server.url + path, timeout=10, stream=True).status_code for _ in range(CONNECTIONS)}


def answers(server, headers):
    return {requests.get(f"{server.url}/api/me", headers=headers, timeout=10).status_code for _ in range(CONNECTIONS)}


def test_a_revoked_token_is_good_for_nothing_in_any_process(server):
    """Not for a request, not for the stream that it opened, not for what that stream has missed."""
    alice, olive = server.cast().alice, server.cast().olive
    with server.stream(alice.token) as stream:
        stream.until_type("hello")
        assert {200} == statuses(server, alice.token)

        revocation = {"role": "buyer", "id": alice.id, "reason": "a test"}
        assert 200 == olive.post("/api/ops/revocations", revocation).status

        stream.until_end()
        assert "rights-lost" == stream.heard[-1].data["reason"]
        eventually(lambda: {401} == statuses(server, alice.token))
        with server.stream(alice.token, stream.last_event_id) as replay:
            assert 401 == replay.status


def test_a_link_that_was_revoked_is_good_for_nothing_in_any_process(server):
    """Neither is the stream that it opened. Links to other orders go on."""
    cast = server.cast()
    order, other = cast.place(), cast.place()
    link, of_other = server.tracking_link(order["id"]), server.tracking_link(other["id"])
    with server.following(link) as stream, server.following(of_other) as going_on:
        stream.until_type("hello")
        cast.bob.move(other["id"], "CONFIRMED")
        cast.bob.move(order["id"], "CONFIRMED")
        stream.until_type("order.status_changed")

        revocation = {"reason": "a wrong address"}
        assert 200 == cast.bob.post(f"/api/orders/{order['id']}/tracking-links/revoke", revocation).status

        stream.until_end()
        assert "rights-lost" == stream.heard[-1].data["reason"]
        assert [order["number"]] == [event.data["order"]["number"] for event in stream.orders()]
        assert not {"buyer_email", "items", "id"} & set(stream.orders()[0].data["order"])
        eventually(lambda: {404} == statuses_of(server, f"{link}/stream"))
        cast.bob.move(other["id"], "PREPARING")
        going_on.until(lambda heard: [event.type for event in heard].count("order.status_changed") == 2)


def test_a_revoked_key_is_good_for_nothing_in_any_process(server):
    olive = server.cast().olive
    made = olive.post("/api/ops/keys", {"name": "a test", "id": olive.id, "scopes": ["orders:read"]}).json
    assert {200} == statuses(server, made["key"])

    assert 200 == olive.post("/api/ops/keys/revoke", {"id": made["id"], "reason": "a test"}).status

    eventually(lambda: {401} == statuses(server, made["key"]))


def test_a_session_that_was_signed_out_is_good_for_nothing_in_any_process(server):
    """Neither is a copy of its cookie; the stream of another tab says goodbye."""
    with requests.Session() as browser:
        page = browser.get(f"{server.url}/sign-in", timeout=10).text
        (token,) = set(re.findall(r'name="csrf_token" value="([^"]+)"', page))
        browser.post(f"{server.url}/sign-in", {"csrf_token": token, "person": "olive"}, timeout=10)
        page = browser.get(f"{server.url}/operator/orders", timeout=10).text
        token = re.findall(r'name="csrf_token" value="([^"]+)"', page)[0]
        copied = {"Cookie": f"onward_session={browser.cookies['onward_session']}"}
        asked = {"X-CSRFToken": token}
        ticket = browser.post(f"{server.url}/api/stream-tickets", headers=asked, timeout=10).json()["ticket"]
        with server.stream("", query=f"?ticket={ticket}") as tab:
            tab.until_type("hello")
            assert {200} == answers(server, copied)

            browser.post(f"{server.url}/sign-out", {"csrf_token": token}, timeout=10)

            eventually(lambda: {401} == answers(server, copied))
            tab.until_end()
            assert ("bye", "rights-lost") == (tab.heard[-1].type, tab.heard[-1].data["reason"])
