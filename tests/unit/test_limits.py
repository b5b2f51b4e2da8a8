"""Who asks too often waits, and nobody else does."""

from __future__ import annotations

import pytest

from access.limits import Limits
from foundation.errors import TooManyRequests


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limits(clock):
    return Limits(reads=0, writes=100, now=clock)


def let_in(limits, who, asked, reading=False):
    done = 0
    for _ in range(asked):
        try:
            limits.take(who, reading)
            done += 1
        except TooManyRequests:
            pass
    return done


def test_a_second_s_worth_may_come_at_once(limits):
    assert 100 == let_in(limits, "seller:1", 1000)


def test_it_comes_back_as_time_goes_by(limits, clock):
    let_in(limits, "seller:1", 1000)
    clock.now += 0.5

    assert 50 == let_in(limits, "seller:1", 1000)


def test_nobody_pays_for_another(limits):
    let_in(limits, "seller:1", 1000)

    assert 100 == let_in(limits, "buyer:1", 1000)


def test_without_a_rate_there_is_no_limit(limits):
    assert 1000 == let_in(limits, "seller:1", 1000, reading=True)


def test_a_refusal_says_when_to_come_back(limits):
    let_in(limits, "seller:1", 100)

    with pytest.raises(TooManyRequests) as refused:
        limits.take("seller:1", reading=False)
    assert {"Retry-After": "1", "RateLimit-Policy": '"writes";q=100;w=1', "RateLimit": '"writes";r=0;t=1'} == (
        refused.value.headers
    )
