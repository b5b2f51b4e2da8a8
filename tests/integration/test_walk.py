"""The number of files that a PATCH, a batch and a durable attempt go through: what a newcomer has to open."""

from __future__ import annotations

import pytest

from benchmarks.walk import Walker
from tests.facts import eventually


@pytest.fixture
def walker(app, onward, sql, empty):
    walker, commits = Walker(app, sql), onward.orders.changes.commits
    eventually(lambda: walker.plain() and not commits.apart.held)  # an order that another test had locked
    return walker


def shortest(walk):
    """The shortest of a few, when everything is warm: what else a busy process does meanwhile is not on the way."""
    walk()
    return min((walk() for _ in range(4)), key=lambda one: (len(one.files), len(one.stays)))


@pytest.mark.parametrize(
    ("name", "files", "stays"),
    [("plain", 18, 25), ("refused", 18, 30), ("durable_attempt", 10, 30)],
)
def test_a_walk_stays_short(walker, name, files, stays):
    walk = shortest(getattr(walker, name))

    assert len(walk.files) <= files, sorted(walk.files)
    assert len(walk.stays) <= stays, walk
