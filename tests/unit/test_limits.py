"""A principal that sends too many requests waits, and nobody else does; counted by one process, or by Redis for all."""

from __future__ import annotations

import pytest

from access.limits import AGAIN_SECONDS, RateLimits
from foundation import clock
from foundation.errors import TooManyRequests
from tests.redis_server import redis_server


@pytest.fixture(scope="module")
def redis():
    with redis_server() as server:
        yield server


@pytest.fixture(params=["alone", "with Redis"])
def limits(request):
    shared = request.param == "with Redis"
    return RateLimits(reads=0, writes=100, redis_url=request.getfixturevalue("redis").empty().url if shared else "")


@pytest.fixture
def still(monkeypatch):
    """The library's clock stands in the middle of a second."""
    import time

    now = float(int(time.time())) + 0.5
    monkeypatch.setattr(time, "time", lambda: now)


def let_in(limits, who, asked, reading=False):
    done = 0
    for _ in range(asked):
        try:
            limits.take(who, reading)
            done += 1
        except TooManyRequests:
            pass
    return done


def exhaust(limits):
    for _ in range(2000):
        limits.take("seller:1", reading=False)


@pytest.mark.usefixtures("still")
def test_a_second_s_worth_may_come_at_once():
    assert 100 == let_in(RateLimits(reads=0, writes=100), "seller:1", 1000)


def test_too_much_is_refused(limits):
    """As many as a second allows, or twice that where the second ended meanwhile."""
    assert 100 <= let_in(limits, "seller:1", 2000) <= 1000


def test_nobody_pays_for_another(limits):
    let_in(limits, "seller:1", 1000)

    assert 100 <= let_in(limits, "buyer:1", 100)


def test_without_a_rate_there_is_no_limit(limits):
    assert 1000 == let_in(limits, "seller:1", 1000, reading=True)


def test_a_refusal_says_when_to_come_back(limits):
    with pytest.raises(TooManyRequests) as refused:
        exhaust(limits)

    assert {"Retry-After": "1", "RateLimit-Policy": '"writes";q=100;w=1', "RateLimit": '"writes";r=0;t=1'} == (
        refused.value.headers
    )


@pytest.mark.usefixtures("still")
def test_an_answer_tells_what_is_left():
    limits = RateLimits(reads=0, writes=100)
    let_in(limits, "seller:1", 42)

    told = [("RateLimit-Policy", '"writes";q=100;w=1'), ("RateLimit", '"writes";r=57;t=1')]
    assert told == limits.take("seller:1", reading=False)
    assert [] == limits.take("seller:1", reading=True)


def test_what_a_request_holds_is_counted(limits):
    """500 writes in one request are as many as 500 requests."""
    limits.take("seller:1", reading=False)
    taken, told, refusal = limits.take_more("seller:1", 500)

    assert 90 <= taken <= 99
    assert "1" == refusal.headers["Retry-After"]
    assert told[1][1].startswith('"writes";r=')
    assert limits.take_more("seller:1", 500)[0] <= 10
    assert (50, None) == limits.take_more("seller:2", 50)[::2]


def test_without_a_rate_a_request_may_hold_anything():
    RateLimits(reads=0, writes=0).take_message("seller:1", "person:1")
    assert (500, [], None) == RateLimits(reads=0, writes=0).take_more("seller:1", 500)


@pytest.mark.usefixtures("still")
def test_processes_count_together(redis):
    """Another process has another counter in its memory, and the same one in Redis."""
    url = redis.empty().url
    one, other = (RateLimits(reads=0, writes=100, redis_url=url) for _ in range(2))
    alone = let_in(one, "seller:1", 60) + let_in(other, "seller:1", 200)

    assert alone < 160


def test_with_redis_away_the_process_counts_alone_and_comes_back(redis, monkeypatch):
    limits = RateLimits(reads=0, writes=100, redis_url=redis.empty().url)
    redis.stop()
    assert 100 <= let_in(limits, "seller:1", 1000) < 1000
    redis.start()
    later = clock.monotonic() + AGAIN_SECONDS + 1
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    let_in(limits, "seller:1", 100)

    assert redis.keys(), "it counts there again"


def test_the_messages_of_a_person_are_counted_by_the_minute(still):
    limits = RateLimits(reads=0, writes=0, messages=2)
    for via in ("person:1", "person:1", "person:2", None):
        limits.take_message("seller:1", via)

    with pytest.raises(TooManyRequests, match=r"^More than 2 messages a minute\. ") as refused:
        limits.take_message("seller:1", "person:1")
    assert '"messages";q=2;w=60' == refused.value.headers["RateLimit-Policy"]
    assert 1 <= int(refused.value.headers["Retry-After"]) <= 60
