"""A principal with a thousand changes waits for them, and nobody else does."""

from __future__ import annotations

import pytest

from orders.fair_queue import FairQueue, Waiting


def change(order_id, who=1, key=""):
    keyed = {"key": key, "keyed": True} if key else {"key": f"own-{order_id}"}
    return Waiting({"order_id": order_id, "actor_role": "seller", "actor_id": who} | keyed)


@pytest.fixture
def queue():
    return FairQueue()


def fill(queue, *changes):
    for one in changes:
        queue.add(one)


def ids(batch):
    return [one.change["order_id"] for one in batch]


def test_everybody_has_a_turn_before_anybody_has_a_second(queue):
    fill(queue, *(change(n) for n in range(1, 6)), change(10, who=2), change(20, who=3))

    assert [1, 10, 20, 2, 3, 4, 5] == ids(queue.pop() for _ in range(7))
    assert not queue


def test_a_batch_takes_of_everybody_and_sorts_by_order(queue):
    fill(queue, *(change(n) for n in range(100, 0, -1)), change(500, who=2))

    assert [99, 100, 500] == ids(queue.batch(queue.pop(), 3))
    assert 98 == len(queue)


def test_an_order_is_in_a_batch_once_and_the_next_keeps_its_place(queue):
    again = change(1)
    fill(queue, change(1), again, change(2))

    assert [1, 2] == ids(queue.batch(queue.pop(), 64))
    assert again is queue.pop()


def test_a_client_s_key_is_in_a_batch_once_and_another_client_s_beside_it(queue):
    fill(queue, change(1, key="k"), change(2, key="k"), change(3, who=2, key="k"))

    assert [1, 3] == ids(queue.batch(queue.pop(), 64))
    assert [2] == ids(queue)


def test_what_goes_alone_is_with_nobody(queue):
    alone = change(1)
    alone.alone = True
    fill(queue, alone, change(2), change(3))

    assert [1] == ids(queue.batch(queue.pop(), 64))
    queue.add(alone)
    assert [2, 3] == ids(queue.batch(queue.pop(), 64))
    assert [1] == ids(queue)


def test_who_leaves_takes_nobody_with_them(queue):
    gone, other = change(1), change(2, who=2)
    fill(queue, gone, other)
    queue.remove(gone)
    queue.remove(gone)

    assert [other] == list(queue)
    assert other is queue.pop()
    assert not queue
