"""A change that no batch can take affects its own client, and no other."""

from __future__ import annotations

from collections import Counter
from contextlib import closing, contextmanager

import gevent
import psycopg2
import psycopg2.errors
import pytest

from foundation.connections import PreparedPool
from orders import group_commit, isolation
from orders.errors import IllegalTransition, OrderLocked
from orders.group_commit import IN_FLIGHT
from orders.personal import ERASED_NAME
from orders.schemas import ChangeOrderStatusRequest
from orders.status_change import StatusChange, StatusChanges
from tests.facts import eventually

pytestmark = pytest.mark.usefixtures("calm")

LOCKS = {
    "a row lock": "SELECT FROM orders WHERE id = ANY(%s) FOR UPDATE",
    "an erasure": f"UPDATE orders SET buyer_name = '{ERASED_NAME}', buyer_email = '' WHERE id = ANY(%s)",
}
POISON = """CREATE OR REPLACE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF NEW.number = 'poison' THEN RAISE EXCEPTION 'no' USING ERRCODE = '{}'; END IF; RETURN NEW; END $$;
    CREATE TRIGGER poison BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION poison()"""


@pytest.fixture
def calm(onward):
    """Nothing was seen locked, and no key used, as far as this process remembers."""

    def forget():
        onward.orders.changes.commits.apart.held.clear()
        onward.orders.changes.commits._looking_until = 0.0
        onward.orders.changes._repeaters.forget()

    forget()
    yield
    forget()


@pytest.fixture
def orders(cast, outbox):
    placed = [cast.place()["id"] for _ in range(8)]
    outbox.run_until_idle()
    return placed


@pytest.fixture
def ask(onward, bob):
    """Ask for a change: a greenlet whose value is the new version, or the error."""

    def ask(order_id, status="CONFIRMED", key="", changes=onward.orders.changes):
        try:
            return changes.change(
                StatusChange(order_id, bob.principal, ChangeOrderStatusRequest(status=status), key)
            ).version
        except Exception as error:
            return type(error)

    return lambda *args, **more: gevent.spawn(ask, *args, **more)


@pytest.fixture
def another(onward, settings):
    """The changes of another process, as far as the database can tell."""
    changes = onward.orders.changes
    return StatusChanges(*group_commit.pools(settings.dsn, 2), changes._workflow, changes._engine, changes._event_type)


@pytest.fixture
def locked(settings):
    """Somebody else keeps these orders locked."""

    @contextmanager
    def locked(*ids, by="a row lock"):
        with closing(psycopg2.connect(settings.dsn)) as other:
            other.cursor().execute(LOCKS[by], (list(ids),))
            yield
            other.commit()

    return locked


@pytest.fixture
def hasty(monkeypatch):
    """Nobody waits for long."""
    monkeypatch.setattr(isolation, "PATIENCE_SECONDS", 0.3)


@pytest.fixture
def failures(monkeypatch):
    """The errors of the statements of batches, by their kind."""
    seen, run = Counter(), PreparedPool.run

    def watch(self, statement, args):
        try:
            return run(self, statement, args)
        except Exception as error:
            seen[type(error)] += statement.name.startswith("change_status")
            raise

    monkeypatch.setattr(PreparedPool, "run", watch)
    return seen


def answers(asked):
    gevent.joinall(asked, raise_error=True, timeout=30)
    return [one.value for one in asked]


@pytest.mark.parametrize("by", LOCKS)
def test_eight_who_ask_for_a_locked_order_are_in_nobody_s_way(ask, locked, orders, onward, failures, by):
    first, *others = orders
    with locked(first, by=by):
        waiting = [ask(first) for _ in range(8)]
        gevent.sleep(0)
        assert [2] * 7 == answers([ask(one) for one in others])
        assert [3] * 7 == answers([ask(one, "PREPARING") for one in others])
        eventually(lambda: onward.orders.changes.commits.places == IN_FLIGHT)
        assert not any(one.ready() for one in waiting)

    got = answers(waiting)
    assert [1, 7] == [got.count(2), got.count(IllegalTransition)]
    # The two that were sent before it was known waited for it in a batch, and nobody after them.
    assert failures[psycopg2.errors.LockNotAvailable] <= IN_FLIGHT


def test_who_asks_for_an_order_that_stays_locked_is_told_so(ask, locked, orders, sql, hasty):
    with locked(orders[0]):
        assert [OrderLocked, OrderLocked] == answers([ask(orders[0]), ask(orders[0])])
    assert [(1,)] == sql("SELECT version FROM orders WHERE id = %s", orders[0])

    assert [2] == answers([ask(orders[0])])


def test_an_order_that_was_locked_once_costs_later_changes_nothing(ask, locked, orders, onward, monkeypatch):
    monkeypatch.setattr(isolation, "HELD_SECONDS", 0.05)
    with locked(orders[0]):
        waiting = ask(orders[0])
        eventually(lambda: onward.orders.changes.commits.apart.held)
    assert [2] == answers([waiting])

    assert eventually(lambda: answers([ask(orders[1], "DELIVERED")]) and not onward.orders.changes.commits.apart.held)


def test_a_locked_order_that_could_not_move_anyway_is_refused_at_once(ask, locked, orders):
    with locked(orders[0], orders[1]):
        waiting = ask(orders[1])
        assert [IllegalTransition] * 2 == answers([ask(orders[0], "DELIVERED"), ask(orders[0], "SHIPPED")])
        assert not waiting.ready()
    assert [2] == answers([waiting])


def test_many_locked_orders_are_waited_for_together(ask, locked, orders, failures):
    with locked(*orders[:6]):
        waiting = [ask(one) for one in orders[:6]]
        assert [2, 2] == answers([ask(one) for one in orders[6:]])
        assert not any(one.ready() for one in waiting)
    assert [2] * 6 == answers(waiting)


def test_only_who_has_used_a_key_twice_is_asked_about_first(ask, orders, onward, bob):
    assert [2] == answers([ask(orders[0], key="used")])
    assert not onward.orders.changes._repeaters.knows(bob.principal)
    assert [2] == answers([ask(orders[0], key="used")])
    assert onward.orders.changes._repeaters.knows(bob.principal)
    assert [2, 2] == answers([ask(orders[0], key="used"), ask(orders[1], key="new")])


def test_a_used_key_makes_one_batch_fail_and_no_other(ask, orders, sql, failures):
    assert [2] == answers([ask(orders[0], key="used")])
    for status in ("CONFIRMED", "PREPARING", "READY"):
        asked = [ask(one, status, key="used" if one == orders[1] else f"{one} {status}") for one in orders[1:]]
        assert 6 == sum(isinstance(one, int) for one in answers(asked))

    assert failures[psycopg2.errors.UniqueViolation] <= 1
    assert [(7,)] == sql("SELECT count(DISTINCT order_id) FROM order_events WHERE version > 1")


@pytest.mark.parametrize("state", ["57014", "22000", "40P01"])
def test_what_makes_a_statement_fail_is_sent_alone(ask, orders, sql, state, hasty):
    """A statement that was cut short, an error in the data, a deadlock: its own client hears of it."""
    sql("UPDATE orders SET number = 'poison' WHERE id = %s", orders[3])
    sql(POISON.format(state))
    try:
        got = answers([ask(one) for one in orders])
        assert [2, 2, 2, 2, 2, 2, 2] == got[:3] + got[4:]
        assert got[3] not in (2, IllegalTransition)
    finally:
        sql("DROP TRIGGER poison ON orders")
    assert [(1,)] == sql("SELECT version FROM orders WHERE id = %s", orders[3])


def test_two_processes_with_the_same_keys_in_opposite_orders_wait_for_no_deadlock(ask, orders, another, failures):
    for status in ("CONFIRMED", "PREPARING", "READY"):
        asked = [ask(one, status, f"{status} {place}") for place, one in enumerate(orders[:4])]
        asked += [ask(one, status, f"{status} {3 - place}", changes=another) for place, one in enumerate(orders[4:])]
        got = answers(asked)
        assert 4 == sum(isinstance(one, int) for one in got), got
        for one, value in zip(orders, got, strict=True):
            if not isinstance(value, int):
                assert isinstance(ask(one, status).get(), int)
    assert 0 == failures[psycopg2.errors.DeadlockDetected]
