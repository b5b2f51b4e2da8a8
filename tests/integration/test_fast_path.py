"""The fast path of the PATCH, whose responses are the same as Flask's."""

from __future__ import annotations

from typing import Any

import pytest

from orders import fast_path
from tests.cast import Reply

THROUGH_FLASK = {"Prefer": "nothing-in-particular"}
CHANGING = ("request_id", "id", "number", "created_at", "updated_at", "at")


def told(reply: Reply) -> tuple[int, dict[str, str], Any]:
    """A reply without what differs from order to order and from request to request."""
    headers = {name.lower(): value for name, value in reply.headers.items()}
    for name in ("x-request-id", "content-length", "date"):
        headers.pop(name, None)
    return reply.status, headers, without(reply.json)


def without(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without(member) for name, member in value.items() if name not in CHANGING}
    return [without(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def both(cast: Any, outbox: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Send the same request both ways, each to an order of its own; the two replies, and who made the first."""
    orders = cast.place()["id"], cast.place()["id"]
    fast: list[bool] = []
    usual = fast_path._usual
    monkeypatch.setattr(fast_path, "_usual", lambda environ: fast.append(usual(environ)) or fast[-1])

    def ask(person: Any, body: Any, path: str = "/api/orders/{}/status", **headers: str) -> tuple[Any, Any]:
        person.get("/api/me")
        replies = [
            person.request("PATCH", path.format(order), body, **headers, **extra)
            for order, extra in zip(orders, ({}, THROUGH_FLASK), strict=True)
        ]
        assert [True, False] == fast
        fast.clear()
        return told(replies[0]), told(replies[1])

    return ask


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"status": "CONFIRMED"}, {}, 200),
        ({"status": "CONFIRMED"}, {"If_Match": '"1"'}, 200),
        ({"status": "CONFIRMED"}, {"If_Match": '"7"'}, 412),
        ({"status": "CONFIRMED"}, {"Idempotency_Key": "with a blank"}, 422),
        ({"status": "CONFIRMED"}, {"X_Request_ID": "mine"}, 200),
        ({"status": "DELIVERED"}, {}, 409),
        ({"status": "NOWHERE"}, {}, 422),
        ({"status": "CONFIRMED", "colour": "red"}, {}, 422),
        (b"{", {}, 400),
        (b'{"status": "CONFIRMED", "reason": "\\u0000"}', {}, 400),
    ],
)
def test_both_ways_answer_alike(both, bob, body, headers, status):
    fast, through_flask = both(bob, body, **headers)
    assert fast == through_flask
    assert status == fast[0]


def test_both_ways_turn_away_the_same_people(both, mallory):
    assert (404, 404) == tuple(one[0] for one in both(mallory, {"status": "CONFIRMED"}))
    for credential in ("Bearer forged", "Basic Ym9iOmJvYg==", "Bearer "):
        fast, through_flask = both(mallory, {"status": "CONFIRMED"}, Authorization=credential)
        assert fast == through_flask
        assert 401 == fast[0]


def test_who_is_known_is_answered_without_flask(placed, bob, onward, monkeypatch):
    bob.get("/api/me")
    monkeypatch.setattr(onward.orders.fast_path, "flask", lambda *_: pytest.fail("Flask was asked"))
    assert 200 == bob.move(placed["id"], "CONFIRMED").status


def test_a_request_id_of_the_client_comes_back(placed, bob):
    assert "mine-17" == bob.move(placed["id"], "CONFIRMED", X_Request_ID="mine-17").headers["X-Request-ID"]
    assert "mine-18" == bob.move(placed["id"], "CONFIRMED", X_Request_ID="mine-18").json["request_id"]


def test_an_unforeseen_failure_is_told_like_any_other(placed, bob, onward, monkeypatch):
    def fail(_change: Any) -> None:
        raise RuntimeError("an internal secret")

    monkeypatch.setattr(onward.orders.changes, "change", fail)
    reply = bob.move(placed["id"], "CONFIRMED")
    assert (500, "internal_error") == (reply.status, reply.json["code"])
    assert "secret" not in str(reply.json)
