"""A client that reads nothing of what is written to it is dropped; a slow reader is waited for."""

from __future__ import annotations

from contextlib import contextmanager, suppress

import gevent
import pytest
from gevent import socket

from server import writing

ANSWER = b"x" * 4 * 2**20


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Seconds instead of ten: the proportions are the same."""
    monkeypatch.setattr(writing, "STALL_SECONDS", 0.6)
    monkeypatch.setattr(writing, "HURRIED_SECONDS", 0.05)
    monkeypatch.setattr(writing, "writers", writing.Writers())


@contextmanager
def connected():
    """A connection of ours, and its client, who takes as little ahead as there is."""
    with socket.socket() as listener, socket.socket() as client:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        writing.limit(listener)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listener.getsockname())
        connection, _ = listener.accept()
        with connection:
            yield connection, client


@pytest.fixture
def pair():
    with connected() as pair:
        yield pair


def read_all(client, pause=0.0):
    read = 0
    while piece := client.recv(4096):
        read += len(piece)
        gevent.sleep(pause)
    return read


def test_connections_inherit_the_limits_of_what_accepted_them(pair):
    connection, _ = pair

    assert writing.UNSENT_BYTES == connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
    assert writing.UNHEARD_MS == connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_who_sends_before_reading_is_not_taken_for_dead(monkeypatch):
    """An import of more than half a minute, whose client read the results at the end, was reset by the kernel."""
    monkeypatch.setattr(writing, "UNHEARD_MS", 300)
    with connected() as (usual, silent), connected() as (importing, sender):
        writing.wait_for_reading(importing)
        for connection in (usual, importing):
            with suppress(BlockingIOError):
                while connection.send(b"x" * 65536, 0, 0.0):
                    pass
        with gevent.Timeout(30), suppress(ConnectionResetError, BrokenPipeError):
            while silent.send(b"y"):
                gevent.sleep(0.05)

        sender.send(b"y")
        assert b"y" == importing.recv(1)


def test_who_takes_nothing_is_let_go_and_the_kernel_keeps_nothing(pair):
    connection, client = pair
    with pytest.raises(writing.Stalled):
        writing.send(connection, ANSWER)
    connection.close()

    assert writing.writers.held == 0
    with pytest.raises(ConnectionResetError):
        read_all(client)


def test_what_the_kernel_takes_ahead_is_bounded(pair):
    connection, _ = pair
    with pytest.raises(writing.Stalled):
        writing.send(connection, ANSWER)

    assert writing.unacknowledged(connection) < 4 * writing.UNSENT_BYTES


def test_who_reads_slowly_is_waited_for(pair):
    """Each pause is shorter than the patience, and all of them together are much longer."""
    connection, client = pair
    size = 100 * 4096
    reader = gevent.spawn(read_all, client, 0.02)
    writing.send(connection, ANSWER[:size])
    connection.close()

    assert size == reader.get()


@pytest.mark.parametrize("reason", ["the process ends", "answers fill the memory"])
def test_nobody_is_waited_for_who_takes_nothing_when(reason, pair, monkeypatch):
    monkeypatch.setattr(writing, "STALL_SECONDS", 3600)
    connection, _ = pair
    sending = gevent.spawn(writing.send, connection, ANSWER)
    gevent.sleep(0)
    if reason == "the process ends":
        writing.writers.ending = True
    else:
        monkeypatch.setattr(writing, "HELD_BYTES", len(ANSWER) // 2)

    with pytest.raises(writing.Stalled):
        sending.get(timeout=20)
