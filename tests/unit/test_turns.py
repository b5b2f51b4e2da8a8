"""Requests that do the same costly work let others run in between."""

from __future__ import annotations

import io

import gevent
import pytest

from server import bodies
from server.bodies import LARGE_BYTES, TimedBody
from server.turns import Turns


def test_others_come_in_between_those_who_wait_for_their_turn():
    order, line = [], Turns(0.2)  # longer than a busy machine pauses

    def costly(name):
        line.wait()
        order.append(name)
        gevent.spawn(order.append, "another")  # as a request that arrives now

    gevent.joinall([gevent.spawn(costly, name) for name in "abc"], raise_error=True)
    gevent.sleep(0)
    assert ["a", "another", "b", "another", "c", "another"] == order


@pytest.mark.parametrize("announced", [True, False], ids=["length", "chunks"])
def test_a_large_body_waits_for_its_turn_once_when_it_is_whole(monkeypatch, announced):
    waited = []
    monkeypatch.setattr(bodies.turns, "bodies", type("Line", (), {"wait": lambda self: waited.append(True)})())
    size = LARGE_BYTES + 1
    body = TimedBody(io.BytesIO(bytes(size)), size if announced else None, 1.0)
    assert LARGE_BYTES == len(body.read(LARGE_BYTES))
    assert [] == waited
    assert 1 == len(body.read())
    assert [True] == waited
    assert b"" == body.read()
    assert [True] == waited
    small = TimedBody(io.BytesIO(bytes(LARGE_BYTES)), LARGE_BYTES if announced else None, 1.0)
    assert LARGE_BYTES == len(small.read())
    assert [True] == waited


def test_chunks_that_end_with_a_full_piece_wait_for_their_turn_too(monkeypatch):
    """Where the end of it is known only by an empty piece."""
    waited = []
    monkeypatch.setattr(bodies.turns, "bodies", type("Line", (), {"wait": lambda self: waited.append(True)})())
    body = TimedBody(io.BytesIO(bytes(2 * LARGE_BYTES)), None, 1.0)
    assert [LARGE_BYTES, LARGE_BYTES, 0] == [len(body.read(LARGE_BYTES)) for _ in range(3)]
    assert [True] == waited
