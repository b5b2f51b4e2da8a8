"""Changes that arrive together are committed together, and none of them affects the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gevent
import pytest
from gevent.event import Event
from gevent.pool import Pool

from foundation.connections import PreparedPool, Row, Statement
from orders.batch import AT_ONCE, Batch, _pools
from orders.errors import IllegalTransition, StaleVersion
from orders.group_commit import IN_FLIGHT
from orders.schemas import ChangeOrderStatusRequest
from orders.status_change import StatusChange
from process import Onward, onward_of
from tests.cast import Cast
from tests.facts import eventually

Change = Callable[..., StatusChange]
Together = Callable[..., list[Any]]


@pytest.fixture
def orders(cast: Cast, outbox: Any) -> list[int]:
    placed = [cast.place()["id"] for _ in range(12)]
    outbox.run_until_idle()
    return placed


@pytest.fixture
def together(onward: Onward) -> Together:
    """Ask for all changes at the same time; each one's version or error."""

    def change(wanted: StatusChange) -> Any:
        try:
            return onward.orders.changes.change(wanted).version
        except Exception as error:
            return type(error)

    def ask(*wanted: StatusChange) -> list[Any]:
        asked = [gevent.spawn(change, one) for one in wanted]
        gevent.joinall(asked, raise_error=True, timeout=30)
        assert onward.orders.changes.commits.places == IN_FLIGHT, "somebody kept a place"
        return [one.value for one in asked]

    return ask


@pytest.fixture
def to(bob: Any) -> Change:
    """A change that bob wants."""

    def to(order_id: int, status: str = "CONFIRMED", key: str = "", version: int | None = None) -> StatusChange:
        return StatusChange(order_id, bob.principal, ChangeOrderStatusRequest(status=status), key, version)

    return to


@pytest.fixture
def crowded(together: Together, onward: Onward) -> Iterator[Together]:
    """The same, with the first two held up until all others wait: they will share one batch."""
    onward.orders.changes._repeaters.forget()  # whose keys are looked up before they wait
    pool, all_wait = onward.orders.changes.commits._pool, Event()
    all_wait.set()

    def run(statement: Statement, args: Sequence[Any]) -> list[Row]:
        all_wait.wait()
        return type(pool).run(pool, statement, args)

    def ask(*wanted: StatusChange) -> list[Any]:
        all_wait.clear()
        asked = gevent.spawn(together, *wanted)
        eventually(lambda: len(onward.orders.changes.commits._waiting) == len(wanted) - 2)
        all_wait.set()
        answers: list[Any] = asked.get(timeout=30)
        return answers

    pool.run = run  # type: ignore[method-assign]
    yield ask
    del pool.run


def test_a_crowd_is_committed_in_a_few_statements(crowded, to, orders, sql):
    assert [2] * 12 == crowded(*map(to, orders))
    # Two went alone, and the ten that came meanwhile share one commit, or two where both came back at the same time.
    ((commits,),) = sql("SELECT count(DISTINCT xmin::text) FROM order_events WHERE version = 2")
    assert commits in (3, 4)
    assert [(12, 12)] == sql("SELECT count(*), count(DISTINCT event_id) FROM outbox")


def test_one_that_is_refused_leaves_the_others_of_its_batch_alone(crowded, to, orders):
    wanted = [*map(to, orders[:-1]), to(orders[-1], "DELIVERED")]
    assert [2] * 11 + [IllegalTransition] == crowded(*wanted)


def test_a_key_that_was_used_before_spoils_no_batch(together, crowded, to, orders, sql):
    assert [2] == together(to(orders[5], key="once"))
    assert [2] * 12 == crowded(*(to(one, key="once" if one == orders[5] else "") for one in orders))
    assert [(12,)] == sql("SELECT count(*) FROM order_events WHERE version = 2")


def test_an_order_moves_once_however_many_ask_at_the_same_time(together, to, orders):
    """All but one of the same move are refused, and the order moves once."""
    answers = together(*(to(orders[0], version=1) for _ in range(12)))
    assert [1, 11] == [answers.count(2), answers.count(StaleVersion)]


def test_who_leads_and_is_killed_leaves_nobody_waiting(together, crowded, to, orders, onward, monkeypatch):
    """A greenlet that dies in the middle of its statement: what it sent for the others is looked up by their keys."""
    run, killed = PreparedPool.run, []

    def die_once(self, statement, args):
        rows = run(self, statement, args)
        if statement.name == "change_status" and len(rows) > 5 and not killed:
            killed.append(True)
            raise gevent.GreenletExit
        return rows

    monkeypatch.setattr(PreparedPool, "run", die_once)
    answers = crowded(*map(to, orders))

    assert killed
    assert 11 == answers.count(2)
    assert [3] == together(to(orders[0], "PREPARING"))


def test_beside_other_processes_one_statement_is_in_progress_at_a_time(onward, app_with):
    """With two in each of two processes, each statement had half of the changes and cost half as much again."""
    several = onward_of(app_with(web_concurrency=2)).orders.changes.commits

    assert (IN_FLIGHT, 1) == (onward.orders.changes.commits.places, several.places)


def test_a_batch_that_waits_for_capacity_holds_up_nobody(onward, to, orders, bob):
    """While it waited, nobody's change was sent: a group is gathered with no statement in progress."""
    others, end = Pool(AT_ONCE), Event()
    _pools[bob.principal.who] = others
    for _ in range(AT_ONCE):
        others.spawn(end.wait)
    waits = gevent.spawn(Batch(onward.orders.changes, [to(orders[1])]).run)
    gevent.sleep(0)
    assert not waits.ready()

    with gevent.Timeout(30):
        assert 2 == onward.orders.changes.change(to(orders[0])).version
    end.set()
    assert [2] == [one.version for one in waits.get(timeout=30)]
