"""Tests of one group share what is costly to start, so they run in one test worker."""

from __future__ import annotations

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process runs all tests")
@pytest.mark.xdist_group("of one")
def test_a_group_is_known_to_who_distributes_the_tests(request: pytest.FixtureRequest) -> None:
    """A version of pytest that pytest-xdist did not know ignored all groups: a service was started twice, a table
    filled three times, and what must not run at the same time did."""
    assert request.node.nodeid.endswith("@of one")
