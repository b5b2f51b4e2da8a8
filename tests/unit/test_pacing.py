"""The batch writer's pace: nothing waits in a quiet moment, and under load batches are large."""

from __future__ import annotations

import pytest

from outbox.batches import LOOK_SECONDS, PACE_SECONDS, QUIET_PER_SECOND, Pace


def after(pace, per_second, seconds=1.0, began=0.0):
    """The longest wait at so many entries a second, one batch for each, once it is known how many there are."""
    waits, now = [], began
    while now < began + seconds:
        waits.append((now, pace.wait(now)))
        pace.begin(1, now)
        now += 1 / per_second
    return max(wait for moment, wait in waits if moment > began + 2 * LOOK_SECONDS)


def test_the_first_entry_waits_for_nobody():
    assert 0 == Pace().wait(12.3)


@pytest.mark.parametrize("per_second", [20, 150, QUIET_PER_SECOND * 0.9])
def test_while_little_is_going_on_nobody_waits(per_second):
    assert 0 == after(Pace(), per_second)


@pytest.mark.parametrize("per_second", [QUIET_PER_SECOND * 1.5, 1000, 5000])
def test_under_load_batches_begin_at_an_even_pace(per_second):
    assert pytest.approx(PACE_SECONDS - 1 / per_second) == after(Pace(), per_second)


def test_when_the_load_is_over_nobody_waits_any_more():
    pace = Pace()
    after(pace, 2000)

    assert 0 == after(pace, 100, began=1.0)


def test_who_comes_after_a_pause_does_not_wait_whatever_was_before():
    pace = Pace()
    after(pace, 2000)

    assert 0 == pace.wait(1.0 + PACE_SECONDS)
