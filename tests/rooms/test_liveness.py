"""The lock by which a process is known to live comes back whenever it is lost."""

from __future__ import annotations

import gevent
import pytest

from side_effects.sweeper import PROCESS_LOCKS, Sweeper
from tests.facts import eventually


@pytest.fixture
def sweeper(settings, _green):
    sweeper = Sweeper(settings.dsn)
    sweeper.ensure_alive()
    yield sweeper
    sweeper.close()


HOLDER = """SELECT pid FROM pg_locks JOIN pg_database d ON d.oid = database
    WHERE d.datname = current_database() AND classid = %s AND objid = %s AND granted"""
"""Other databases of this server have processes with the same numbers."""


def holder(sql, number):
    """The backend that holds this process's lock."""
    found = sql(HOLDER, PROCESS_LOCKS, number)
    return found[0][0] if found else None


def test_a_lock_that_was_cut_is_taken_again_before_the_next_sweep(sweeper, sql):
    caretaker = gevent.spawn(sweeper.stay_alive)
    for _ in range(5):
        before = holder(sql, sweeper.number)
        sql("SELECT pg_terminate_backend(%s)", before)
        eventually(lambda before=before: holder(sql, sweeper.number) not in (before, None))
    caretaker.kill()


def test_a_lock_that_the_server_has_not_let_go_of_yet_is_waited_for(sweeper, settings, sql):
    """A connection may be gone here and live there for a moment; who does not wait stays without a lock."""
    late = Sweeper(settings.dsn)
    late.number = sweeper.number
    waiting = gevent.spawn(late.ensure_alive)
    gevent.sleep(0.1)
    sweeper.close()
    waiting.get(timeout=5)

    assert eventually(lambda: holder(sql, late.number))
    late.close()
