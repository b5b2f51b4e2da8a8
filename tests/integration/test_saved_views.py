"""Saved views: filters under a name, which only their owner sees."""

from __future__ import annotations

import pytest

from orders import saved_views
from process import onward_of

TO_PACK = {"status": "PENDING,CONFIRMED", "q": "mug", "sort": "oldest", "placed_from": "2026-01-31T00:00:00Z"}


@pytest.fixture
def view(bob):
    """A view of bob's."""
    reply = bob.post("/api/views", {"name": "To pack", "filters": TO_PACK})
    assert 201 == reply.status, reply
    return reply.json


def names(person):
    return [view["name"] for view in person.get("/api/views").json["views"]]


def test_a_view_is_what_was_saved(bob, view):
    assert TO_PACK == view["filters"]
    assert [view] == bob.get("/api/views").json["views"]


def test_the_filters_of_a_view_are_parameters_of_the_list(cast, bob, view):
    order = cast.place()
    query = "&".join(f"{name}={value}" for name, value in view["filters"].items())

    assert [order["id"]] == [one["id"] for one in bob.get(f"/api/orders?{query}").json["orders"]]


def test_a_view_changes_in_what_is_sent(bob, view):
    path = f"/api/views/{view['id']}"

    renamed = bob.request("PATCH", path, {"name": "Pack today"}).json
    assert ("Pack today", TO_PACK) == (renamed["name"], renamed["filters"])
    refiltered = bob.request("PATCH", path, {"filters": {"sort": "updated"}}).json
    assert ("Pack today", {"sort": "updated"}) == (refiltered["name"], refiltered["filters"])
    assert refiltered["updated_at"] > view["updated_at"]
    assert 204 == bob.request("DELETE", path).status
    assert ([], 404) == (names(bob), bob.request("DELETE", path).status)


def test_nobody_sees_or_changes_the_views_of_another(alice, mallory, olive, view):
    path = f"/api/views/{view['id']}"
    for person in (alice, mallory, olive):
        assert [] == names(person)
        assert 404 == person.request("PATCH", path, {"name": "Mine"}).status
        assert 404 == person.request("DELETE", path).status


def test_a_name_is_used_once_by_each(bob, mallory, view):
    again = bob.post("/api/views", {"name": " To pack ", "filters": {}})
    assert (409, "duplicate_view") == (again.status, again.json["code"])
    assert 201 == mallory.post("/api/views", {"name": "To pack", "filters": {}}).status
    other = bob.post("/api/views", {"name": "Other", "filters": {}}).json
    assert 409 == bob.request("PATCH", f"/api/views/{other['id']}", {"name": "To pack"}).status
    assert ["Other", "To pack"] == names(bob)


def test_a_view_is_saved_once_when_its_request_is_repeated(bob):
    body = {"name": "Once", "filters": {}}
    first, second = (bob.post("/api/views", body, Idempotency_Key="a-view") for _ in range(2))

    assert (201, first.json, ["Once"]) == (second.status, second.json, names(bob))


def test_there_is_a_limit_of_views(monkeypatch, bob, view):
    monkeypatch.setattr(saved_views, "MOST", 2)
    assert 201 == bob.post("/api/views", {"name": "Second", "filters": {}}).status

    third = bob.post("/api/views", {"name": "Third", "filters": {}})
    assert (409, "too_many_views") == (third.status, third.json["code"])


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "filters": {}},
        {"name": "A\nB", "filters": {}},
        {"name": "A" * 101, "filters": {}},
        {"name": "A"},
        {"name": "A", "filters": {"status": "SOLD"}},
        {"name": "A", "filters": {"colour": "blue"}},
        {"name": "A", "filters": {"limit": 5}},
        {"name": "A", "filters": {"sort": "best"}},
        {"name": "A", "filters": {"q": "x" * 101}},
        {"name": "A", "filters": []},
    ],
)
def test_a_view_that_no_list_could_have_is_refused(bob, body):
    assert 422 == bob.post("/api/views", body).status


def test_a_change_of_nothing_is_refused(bob, view):
    assert 422 == bob.request("PATCH", f"/api/views/{view['id']}", {}).status


def test_the_views_of_a_buyer_go_with_the_buyer_and_those_that_name_them(cast, alice, bob, olive, sql, app):
    cast.place()
    for person, name, q in (
        (alice, "Mine", "mug"),
        (bob, "Her", "archer ALICE"),
        (bob, "Mail", "Alice@Example.org"),
        (bob, "Alice Archer again", "mug"),
        (bob, "Mugs", "mug"),
        (bob, "Alice", "alice"),
    ):
        assert 201 == person.post("/api/views", {"name": name, "filters": {"q": q}}).status

    assert 200 == olive.post("/api/ops/personal-data/erase", {"buyer_id": alice.id, "reason": "asked"}).status
    onward_of(app).access.credentials.tokens.revocations._at.clear()  # later tests have the same alice

    assert ["Alice", "Mugs"] == names(bob)
    assert [] == sql("SELECT * FROM saved_views WHERE owner = %s", f"buyer:{alice.id}")
