"""Waits for a client end at their time limit, and only waits do."""

from __future__ import annotations

from functools import partial

import gevent
import pytest
from gevent.event import Event

from server.patience import Patience, Waits


@pytest.fixture
def waits():
    waits = Waits()
    waits.start()
    return waits


def waiting(waits, seconds, event):
    """Wait for the event, and return whether it came."""
    with Patience(seconds, waits):
        return event.wait()
    return False


def test_a_wait_ends_at_its_limit_and_a_longer_one_goes_on(waits):
    arrived = Event()
    short, long = (gevent.spawn(waiting, waits, seconds, arrived) for seconds in (0.01, 600))
    short.join(10)
    arrived.set()

    assert (False, True) == (short.get(timeout=10), long.get(timeout=10))
    assert not waits.running


def test_a_limit_for_all_ends_every_wait(waits):
    both = [gevent.spawn(waiting, waits, 600, Event()) for _ in range(2)]
    gevent.sleep(0)
    waits.at_most = 0.01

    assert [False, False] == [one.get(timeout=10) for one in both]


@pytest.mark.parametrize("first", ["the look", "the data"])
def test_who_waits_no_longer_is_not_interrupted_in_what_comes_next(waits, first):
    """Its next wait is for the database, where an exception would mean that nobody knows what was committed."""
    arrived, committed = Event(), Event()

    def serve():
        waiting(waits, 0, arrived)
        return committed.wait()

    greenlet = gevent.spawn(serve)
    gevent.sleep(0)
    look = partial(gevent.get_hub().loop.run_callback, waits._look)
    for act in (look, arrived.set) if first == "the look" else (arrived.set, look):
        act()
    gevent.sleep(0.01)
    committed.set()

    assert greenlet.get(timeout=10)


def test_somebody_elses_exception_goes_through(waits):
    with pytest.raises(KeyError), Patience(600, waits):
        raise KeyError
