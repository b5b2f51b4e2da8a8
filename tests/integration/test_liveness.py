"""The lock that shows that a process lives is taken again whenever it is lost."""

from __future__ import annotations

import gevent
import pytest

from foundation import clock
from outbox.rescue import Rescuer
from side_effects.liveness import PROCESS_LOCKS, RESTART_GRACE_SECONDS, Liveness
from tests.facts import eventually


@pytest.fixture
def liveness(settings, _green):
    liveness = Liveness(settings.dsn)
    liveness.ensure_alive()
    yield liveness
    liveness.close()


HOLDER = """SELECT pid FROM pg_locks JOIN pg_database d ON d.oid = database
    WHERE d.datname = current_database() AND classid = %s AND objid = %s AND granted"""
"""Other databases of this server have processes with the same numbers."""


def holder(sql, number):
    """The backend that holds this process's lock."""
    found = sql(HOLDER, PROCESS_LOCKS, number)
    return found[0][0] if found else None


def test_a_lock_that_was_cut_is_taken_again_before_the_next_look(liveness, sql):
    caretaker = gevent.spawn(liveness.stay_alive)
    for _ in range(5):
        before = holder(sql, liveness.number)
        sql("SELECT pg_terminate_backend(%s)", before)
        eventually(lambda before=before: holder(sql, liveness.number) not in (before, None))
    caretaker.kill()


def test_a_lock_that_the_server_has_not_let_go_of_yet_is_waited_for(liveness, settings, sql):
    """A connection may be gone here and live there for a moment; who does not wait stays without a lock."""
    late = Liveness(settings.dsn)
    late.number = liveness.number
    waiting = gevent.spawn(late.ensure_alive)
    gevent.sleep(0.1)
    liveness.close()
    waiting.get(timeout=5)

    assert eventually(lambda: holder(sql, late.number))
    late.close()


ORPHAN = """INSERT INTO outbox (event_type, event_id, order_id, pending, request_id, owner, lease_until)
    VALUES ('order', 1, 1, 1, '', nextval('process_seq'), clock_timestamp() + interval '3 s') RETURNING id"""


def test_who_has_just_lost_his_own_lock_takes_nobody_for_dead(liveness, sql, empty, monkeypatch):
    """Whatever cut it may have cut theirs, who are as alive as this process."""
    rescuer = Rescuer(liveness, {"order": 63})
    sql(ORPHAN)
    sql("SELECT pg_terminate_backend(%s)", holder(sql, liveness.number))
    eventually(lambda: liveness._connection.cut)

    assert [] == rescuer.claim(10)
    later = clock.monotonic() + RESTART_GRACE_SECONDS + 1
    monkeypatch.setattr(clock, "monotonic", lambda: later)
    assert 1 == len(eventually(lambda: rescuer.claim(10), within=10)), "this PostgreSQL may have begun just now"
