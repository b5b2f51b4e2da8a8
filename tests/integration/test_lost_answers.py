"""The connection breaks during a change: whether it was committed is looked up, never guessed."""

from __future__ import annotations

import psycopg2
import pytest

from foundation.errors import IdempotencyMismatch
from orders.schemas import ChangeOrderStatusRequest
from orders.status_change import StatusChange


class Breaking:
    """The commits of a process whose connection breaks once: after the change was made, before, or too early to say."""

    def __init__(self, commits, made):
        self._run, self._made, self.asked = commits.run, made, 0

    def run(self, change):
        self.asked += 1
        if self.asked > 1 and self._made != "late":
            return self._run(change)
        if self.asked > 1:
            return []  # the first one has moved the order meanwhile
        if self._made == "after":
            self._run(change)
        raise psycopg2.OperationalError("server closed the connection unexpectedly")


@pytest.fixture
def change(onward, bob, placed, monkeypatch):
    """Ask for a change whose connection breaks."""

    def change(made, order_id=None, status="CONFIRMED", key=""):
        monkeypatch.setattr(onward.orders.changes.commits, "run", Breaking(onward.orders.changes.commits, made).run)
        return onward.orders.changes.change(
            StatusChange(order_id or placed["id"], bob.principal, ChangeOrderStatusRequest(status=status), key)
        )

    return change


@pytest.mark.parametrize("key", ["", "k"])
@pytest.mark.parametrize("made", ["after", "before"])
def test_it_is_made_once_and_answered(change, bob, placed, made, key):
    assert 2 == change(made, key=key).version

    versions = [one["version"] for one in bob.get(f"/api/orders/{placed['id']}/history").json["events"]]
    assert [1, 2] == sorted(versions)


def test_it_is_found_though_it_was_under_way_when_it_was_looked_for(change, onward, monkeypatch, bob, placed):
    """The first look finds nothing, the repetition finds the order moved."""
    find, looks = onward.orders.changes._find, []

    def look(wanted, key):
        looks.append(key)
        if len(looks) == 1:
            return None
        if len(looks) == 2:
            monkeypatch.undo()
            onward.orders.changes.commits.run(onward.orders.changes._wanted(wanted, ["PENDING"], key))
        return find(wanted, key)

    monkeypatch.setattr(onward.orders.changes, "_find", look)

    assert 2 == change("late").version


def test_a_key_of_another_change_is_told_as_such(change, cast, bob):
    """Not answered with the other order."""
    other = cast.place()["id"]
    bob.move(other, "CONFIRMED", Idempotency_Key="k")

    with pytest.raises(IdempotencyMismatch):
        change("before", key="k")


def test_the_key_of_a_placed_order_changes_nothing(cast, shop, alice, bob):
    from tests.cast import new_order

    order = shop.post("/api/orders", new_order(bob.id, alice.id), Idempotency_Key="k").json

    assert 422 == shop.move(order["id"], "PENDING", Idempotency_Key="k").status
