"""The number of files that a PATCH, a batch and a durable attempt go through: what a newcomer has to open."""

from __future__ import annotations

import pytest

from benchmarks.walk import Walker


@pytest.fixture
def walker(app, sql, empty):
    return Walker(app, sql)


def twice(walk):
    """The second walk, when everything is warm."""
    walk()
    return walk()


@pytest.mark.parametrize(
    ("name", "files", "stays"),
    [("plain", 18, 25), ("fast_path", 18, 25), ("refused", 18, 30), ("durable_attempt", 10, 30)],
)
def test_a_walk_stays_short(walker, name, files, stays):
    walk = twice(getattr(walker, name))

    assert len(walk.files) <= files, walk
    assert len(walk.stays) <= stays, walk
