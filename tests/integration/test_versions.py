"""No client overwrites a version it has not seen, and none is sent one it has."""

from __future__ import annotations

import pytest

from tests.integration.conftest import send_through

READS = ["/api/orders", "/api/orders/{}", "/api/orders/{}/history", "/api/orders/{}/messages", "/api/notifications"]


@pytest.mark.parametrize("path", [*READS, "/api/me", "/api/workflow", "/api/events"])
def test_who_has_it_is_not_sent_it_again(bob, placed, path):
    path = path.format(placed["id"])
    tag = bob.get(path).headers["ETag"]

    again = bob.get(path, If_None_Match=tag)
    assert (304, tag, None) == (again.status, again.headers["ETag"], again.json)


@pytest.mark.parametrize("path", READS[:3])
def test_what_has_changed_is_sent(bob, placed, path):
    path = path.format(placed["id"])
    tag = bob.get(path).headers["ETag"]
    bob.move(placed["id"], "CONFIRMED")

    assert 200 == bob.get(path, If_None_Match=tag).status


def test_who_comes_late_is_told_who_was_quicker(bob, olive, placed):
    olive.move(placed["id"], "CONFIRMED")

    late = bob.move(placed["id"], "CANCELLED", "Out of stock", If_Match='"1"')
    assert (412, "CONFIRMED") == (late.status, late.json["current"]["status"])
    assert {"role": "operator", "id": olive.id} == late.json["changed"]["actor"]
    assert late.json["changed"]["at"] == late.json["current"]["updated_at"]


@pytest.fixture
def strict(app_with, settings, cast):
    """The cast before an installation that asks for If-Match."""
    return send_through(app_with(require_if_match=True), settings)


@pytest.mark.parametrize("prefer", ["", "wait=0"], ids=["usual", "through Flask"])
def test_where_a_version_is_required_its_absence_is_told(strict, placed, prefer):
    strict.bob.get("/api/me")
    more = {"Prefer": prefer} if prefer else {}

    assert 428 == strict.bob.move(placed["id"], "CONFIRMED", **more).status
    assert 200 == strict.bob.move(placed["id"], "CONFIRMED", If_Match='"1"', **more).status
    assert 200 == strict.bob.move(placed["id"], "PREPARING", If_Match="*", **more).status


def test_where_a_version_is_required_a_batch_names_them(strict, placed):
    change = {"order_id": placed["id"], "status": "CONFIRMED"}

    assert 428 == strict.bob.post("/api/orders/status-changes", {"changes": [change]}).status
    assert 200 == strict.bob.post("/api/orders/status-changes", {"changes": [change | {"version": 1}]}).status


def test_the_tag_of_a_read_names_a_version_to_change(bob, placed):
    tag = bob.get(f"/api/orders/{placed['id']}").headers["ETag"]

    assert 200 == bob.move(placed["id"], "CONFIRMED", If_Match=tag).status
    assert 412 == bob.move(placed["id"], "PREPARING", If_Match=tag).status


def test_a_change_is_made_to_one_version(bob, placed):
    assert 422 == bob.move(placed["id"], "CONFIRMED", If_Match='"1", "2"').status


@pytest.mark.parametrize("tag", ['W/"{}"', '"{}-gzip"', '"{};br"', 'W/"{}-0a1b"', '"{}-0a1b-gzip"'])
def test_a_tag_that_a_compressing_proxy_has_changed_names_its_version(bob, placed, tag):
    """nginx and HAProxy make it weak, Apache adds the coding: 412 for ever, and nobody had changed anything."""
    assert 412 == bob.move(placed["id"], "CONFIRMED", If_Match=tag.format(7)).status
    assert 200 == bob.move(placed["id"], "CONFIRMED", If_Match=tag.format(1)).status


@pytest.mark.parametrize("tag", ["1", "W/1", '"1', "v1"])
def test_what_is_no_tag_is_told_instead_of_compared(bob, placed, tag):
    """The order is not at version 0, and never was."""
    refused = bob.move(placed["id"], "CONFIRMED", If_Match=tag)
    assert (422, True) == (refused.status, "quoted ETag" in refused.json["detail"])
