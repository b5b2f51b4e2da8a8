"""Tasks on their bulkheads: every outcome is collected, and none affects another."""

from __future__ import annotations

import asyncio

import gevent
import greenlet
import pytest
from gevent.event import Event

from foundation import logs
from side_effects import execute_in_background, execute_in_parallel
from side_effects.tasks import QueueFull, Task, TaskQueue


@pytest.fixture
def bulkhead():
    bulkhead = TaskQueue("test", concurrency=3, limit=100)
    yield bulkhead
    bulkhead.stop(timeout=1)


def test_a_task_wakes_one_of_those_who_are_idle(bulkhead):
    """A thousand greenlets that all look what there is for each task cost more than the tasks."""
    gate = Event()
    execute_in_background([Task("a", bulkhead, lambda _: gate.wait()) for _ in range(3)], "here")
    gevent.sleep(0)
    gate.set()
    bulkhead.wait_until_quiet()
    switched = []
    greenlet.settrace(lambda event, about: event == "switch" and switched.append(about[1]))
    execute_in_background([Task("b", bulkhead, lambda _: None)], "here")
    bulkhead.wait_until_quiet()
    greenlet.settrace(None)

    assert 1 == len(set(switched) & set(bulkhead._greenlets))


def test_a_failing_task_touches_none_of_the_others(bulkhead, caplog):
    done = []
    tasks = [
        Task("a.one", bulkhead, done.append),
        Task("b.two", bulkhead, lambda _: 1 / 0),
        Task("c.three", bulkhead, done.append),
    ]

    execute_in_background(tasks, "order-status-update:17")
    assert [] == done, "nothing is done before the caller goes on"
    bulkhead.wait_until_quiet()

    assert [tasks[0], tasks[2]] == done
    assert ["succeeded", "retry", "succeeded"] == [task.outcome.kind for task in tasks]
    assert {"succeeded": 2, "retry": 1} == bulkhead.outcomes
    assert "Background task 2/3 failed in order-status-update:17" in caplog.text


def test_the_failure_is_logged_with_category_trace_and_request(bulkhead, caplog):
    logs.request_id.set("request-1")
    execute_in_background([Task("chat.message", bulkhead, lambda _: 1 / 0)], "order-status-update:17")
    bulkhead.wait_until_quiet()

    (record,) = caplog.records
    entry = record.msg
    assert ("chat", "chat.message", "request-1") == (entry["category"], entry["task"], entry["request_id"])
    assert "ZeroDivisionError" in str(record.exc_info or entry.get("exception") or entry["exc_info"])


def test_a_task_knows_the_request_it_came_from(bulkhead):
    seen = []
    logs.request_id.set("request-2")
    execute_in_background([Task("a", bulkhead, lambda _: seen.append(logs.request_id.get()))], "here")
    logs.request_id.set("request-3")
    bulkhead.wait_until_quiet()

    assert ["request-2"] == seen


def test_a_timeout_is_a_failure_like_any_other(bulkhead, caplog):
    def too_slow(_):
        with gevent.Timeout(0.01):
            gevent.sleep(10)

    task = Task("a", bulkhead, too_slow)
    execute_in_background([task], "here")
    bulkhead.wait_until_quiet()

    assert "retry" == task.outcome.kind


def test_no_more_run_at_once_than_the_bulkhead_has_greenlets(bulkhead):
    gate, running = Event(), []

    def wait(_):
        running.append(1)
        gate.wait()

    tasks = [Task("a", bulkhead, wait) for _ in range(10)]
    execute_in_background(tasks, "here")
    gevent.idle()
    assert 3 == len(running)
    gate.set()
    bulkhead.wait_until_quiet()

    assert 10 == len(running)


def test_a_full_bulkhead_refuses_without_waiting(bulkhead):
    gate = Event()
    bulkhead = TaskQueue("small", concurrency=1, limit=2)
    tasks = [Task("a", bulkhead, lambda _: gate.wait()) for _ in range(4)]
    execute_in_background(tasks, "here")

    refused = [task for task in tasks if task.outcome and isinstance(task.outcome.error, QueueFull)]
    assert tasks[2:] == refused
    gate.set()
    bulkhead.wait_until_quiet()


def test_parallel_tasks_run_at_the_same_time_and_all_outcomes_come_back(bulkhead, caplog):
    both = [Event(), Event()]

    def meet(mine, other):
        both[mine].set()
        assert both[other].wait(5)

    tasks = [
        Task("a", bulkhead, lambda _: meet(0, 1)),
        Task("b", bulkhead, lambda _: meet(1, 0)),
        Task("c", bulkhead, lambda _: 1 / 0),
    ]

    assert ["succeeded", "succeeded", "retry"] == [one.kind for one in execute_in_parallel(tasks)]


def test_parallel_tasks_inside_a_parallel_task_do_not_block_for_ever():
    bulkhead = TaskQueue("narrow", concurrency=1, limit=1)

    def inner(_):
        assert ["succeeded"] * 3 == [
            one.kind
            for one in execute_in_parallel(
                [Task("in", bulkhead, lambda _: None)] * 1 + [Task("in", bulkhead, lambda _: None) for _ in range(2)]
            )
        ]

    outcomes = execute_in_parallel([Task("out", bulkhead, inner) for _ in range(4)])
    assert ["succeeded"] * 4 == [one.kind for one in outcomes]


def test_a_slow_task_keeps_nobody_from_starting():
    """Two come in one turn of the loop, where one greenlet is idle."""
    bulkhead, release, done = TaskQueue("bulkhead", concurrency=4, limit=10), Event(), []
    bulkhead.try_enqueue(Task("first", bulkhead, done.append))
    assert bulkhead.wait_until_quiet(5)

    bulkhead.try_enqueue(Task("slow", bulkhead, lambda _: release.wait()))
    bulkhead.try_enqueue(Task("quick", bulkhead, done.append))
    gevent.sleep(0.05)

    assert ["first", "quick"] == [task.name for task in done]
    release.set()
    assert bulkhead.wait_until_quiet(5)


@pytest.mark.parametrize("raised", [gevent.Timeout(1), asyncio.CancelledError()], ids=["Timeout", "CancelledError"])
def test_what_is_no_exception_is_a_failure_like_any_other(raised):
    bulkhead, done = TaskQueue("bulkhead", concurrency=1, limit=10), []

    def fail(_task):
        raise raised

    execute_in_background([Task("failing", bulkhead, fail, key=7), Task("next", bulkhead, done.append, key=7)], "here")

    assert bulkhead.wait_until_quiet(5)
    assert ["next"] == [task.name for task in done]
