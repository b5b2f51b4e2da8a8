"""The log on a real PostgreSQL: replay, pruning, and both at once."""

from __future__ import annotations

import gevent
import pytest

from foundation.connections import PreparedPool, Statement
from realtime.log import WAKE_CHANNEL, EventLog, Pruned
from realtime.wakeups import WakeUps

NOTIFY = Statement("notify", ("text",), f"SELECT pg_notify('{WAKE_CHANNEL}', $1)")


@pytest.fixture
def log(settings, _green):
    pool = PreparedPool(settings.dsn, 1, "test")
    yield EventLog(pool)
    pool.close()


@pytest.fixture
def filled(log, sql, empty):
    """Ten events, of which the first six are two days old."""
    sql("UPDATE realtime_log SET pruned_through = 0")
    sql(
        """INSERT INTO realtime_events (seq, channel, type, data, created_at)
        SELECT n, CASE n % 2 WHEN 0 THEN 'buyer:1' ELSE 'seller:1' END, 'order.created', '{}',
               now() - CASE WHEN n <= 6 THEN interval '2 days' ELSE interval '0' END
        FROM generate_series(1, 10) AS n"""
    )
    yield log
    sql("UPDATE realtime_log SET pruned_through = 0")


def seqs(rows):
    return [row[0] for row in rows]


def test_a_replay_holds_the_channels_that_were_asked_for_between_two_numbers(filled):
    assert [4, 6, 8] == seqs(filled.replay(["buyer:1"], 2, 9))
    assert [3, 4, 5] == seqs(filled.replay(["buyer:1", "seller:1"], 2, 5))
    assert [3, 5] == seqs(filled.replay(["seller:*"], 2, 6))


def test_pruning_takes_a_bounded_range_at_a_time_and_remembers_what_is_gone(filled, sql):
    assert [4, 2, 0] == [filled.prune(24, 4) for _ in range(3)]
    assert [(7,), (8,), (9,), (10,)] == sql("SELECT seq FROM realtime_events ORDER BY seq")
    assert (6, 10) == (filled.state().pruned_through, filled.state().head)


def test_only_one_process_prunes_at_a_time(filled, connection, sql):
    sql("SELECT pg_advisory_lock(9003)")
    try:
        assert 0 == filled.prune(24, 4)
    finally:
        sql("SELECT pg_advisory_unlock(9003)")
    assert 4 == filled.prune(24, 4)


def test_who_replays_while_the_log_is_pruned_is_told_so(filled):
    assert [2] == seqs(filled.replay(["buyer:1"], 0, 2))
    filled.prune(24, 4)

    with pytest.raises(Pruned):
        filled.replay(["buyer:1"], 2, 10)
    assert [6, 8, 10] == seqs(filled.replay(["buyer:1"], 4, 10))


def test_a_log_of_which_all_is_pruned_still_knows_its_head(filled, sql):
    sql("DELETE FROM realtime_events WHERE seq > 6")
    filled.prune(24, 100)

    assert (6, 6) == (filled.state().pruned_through, filled.state().head)


@pytest.fixture
def pools(settings, _green):
    pools = [PreparedPool(settings.dsn, 1, name) for name in ("ours", "theirs")]
    yield pools
    for pool in pools:
        pool.close()


def test_a_process_is_not_woken_by_what_it_appends_itself(settings, pools):
    """It has that already, or is about to get it with the answer."""
    ours, theirs = pools
    wake_ups, heard = WakeUps(settings.dsn), []
    wake_ups.own_backends = ours.backends
    wake_ups.start(heard.append)
    try:
        with gevent.Timeout(10):
            while not heard:
                theirs.run(NOTIFY, ("1",))
                gevent.sleep(0.02)
            ours.run(NOTIFY, ("2",))
            theirs.run(NOTIFY, ("3",))
            while 3 not in heard:
                gevent.sleep(0.01)
    finally:
        wake_ups.stop()

    assert {1, 3} == set(heard)
