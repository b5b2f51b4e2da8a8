"""Outcomes of attempts are recorded together, and one that cannot be recorded blocks no other."""

from __future__ import annotations

import gevent
import psycopg2
import pytest

from foundation.connections import PreparedPool
from side_effects.attempts import Recorded, Recorder
from side_effects.rows import RECORD

RUNNING = """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, status, attempts)
    SELECT 'email.status', 'mail-server', 'order', n, n, 'running', 1 FROM generate_series(1, 20) AS n RETURNING id"""


class CountingPool(PreparedPool):
    """Knows how many rows each statement was to record."""

    def __init__(self, dsn):
        super().__init__(dsn, 1, "durable")
        self.completed = []

    def run(self, statement, args):
        assert statement is RECORD
        self.completed.append(len(args[0]))
        return super().run(statement, args)


@pytest.fixture
def pool(settings):
    pool = CountingPool(settings.dsn)
    yield pool
    pool.close()


@pytest.fixture
def running(sql, empty):
    return [id for (id,) in sql(RUNNING)]


def complete_all(pool, records):
    recorder = Recorder(pool)
    attempts = [gevent.spawn(recorder.record, one) for one in records]
    return gevent.joinall(attempts)


def succeeded(id, attempt=1, delay=0.0):
    return Recorded(id, attempt, attempt, "succeeded", delay, "", "", 0.1)


def test_outcomes_that_come_together_leave_together(pool, running, sql):
    complete_all(pool, map(succeeded, running))

    assert [1, 19] == pool.completed
    assert [("succeeded", 20)] == sql("SELECT status, count(*) FROM side_effects GROUP BY status")


def test_each_is_told_whether_its_own_attempt_still_counted(pool, running, sql):
    late, *others = running

    attempts = complete_all(pool, [succeeded(late, attempt=7), *map(succeeded, others)])

    assert 19 == sum(one.value for one in attempts)
    assert [(late,)] == sql("SELECT id FROM side_effects WHERE status = 'running'")


@pytest.mark.parametrize("place", [0, 1, 19])
def test_one_that_cannot_be_written_keeps_no_other_from_it(pool, running, sql, place):
    records = list(map(succeeded, running))
    records[place] = succeeded(running[place], delay=float("inf"))

    attempts = complete_all(pool, records)

    assert [psycopg2.errors.DatetimeFieldOverflow] == [type(one.exception) for one in attempts if one.exception]
    assert [(running[place],)] == sql("SELECT id FROM side_effects WHERE status = 'running'")
