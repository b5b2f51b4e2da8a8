"""Detached sockets: file descriptors that gunicorn has given up, with one epoll that watches them.

The epoll is registered as a single watcher of the event loop, so ten thousand idle connections cost the loop nothing.
Only this module closes the descriptors, and only on the loop's thread: the number of a closed descriptor may already be
reused.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Callable

import gevent
from gevent import monkey

from foundation import clock
from realtime.subscriber import NO_SOCKET, Backlog, Subscriber
from server.writing import RESET_ON_CLOSE, STALL_SECONDS

SEND_BUFFER_BYTES = 32 * 1024
"""Linux doubles it. Otherwise it grows to 4 MB for each client that does not read."""

RECEIVE_BUFFER_BYTES = 4096
"""The client of a stream has nothing more to send."""

WATCHED = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
READ = 1

_epoll = monkey.get_original("select", "epoll")
_socket = monkey.get_original("socket", "socket")


def limit_buffers(connection: socket.socket) -> None:
    """Limit what the kernel buffers for a client that does not read; how long it waits for one that is unreachable, the
    connection has inherited from the listening socket."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)


class Sockets:
    """The descriptors of this process's subscribers."""

    def __init__(self, on_gone: Callable[[Subscriber], None], on_stuck: Callable[[Subscriber], None]) -> None:
        self._on_gone = on_gone
        self._on_stuck = on_stuck
        self._by_fd: dict[int, Subscriber] = {}
        self._lagging: set[Subscriber] = set()
        self._epoll: select.epoll | None = None
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def __len__(self) -> int:
        return len(self._by_fd)

    def add(self, subscriber: Subscriber) -> None:
        """Take ownership of a descriptor; it is closed here and nowhere else."""
        if self._epoll is None:
            # Created with the first descriptor: that is after the fork.
            self._epoll = _epoll()
            self._greenlet = gevent.spawn(self._refresher, self._epoll)
        self._by_fd[subscriber.fd] = subscriber
        self._epoll.register(subscriber.fd, WATCHED)

    def lag(self, subscriber: Subscriber, rest: bytes) -> None:
        """The socket is full: keep the rest, and continue when it is writable."""
        subscriber.backlog = Backlog()
        subscriber.backlog.put(rest)
        self._lagging.add(subscriber)
        assert self._epoll is not None
        self._epoll.modify(subscriber.fd, WATCHED | select.EPOLLOUT)

    def flush(self, subscriber: Subscriber) -> None:
        """Write from the backlog, as far as the socket accepts it."""
        assert subscriber.backlog is not None
        moved_at, waiting = subscriber.backlog.moved_at, subscriber.backlog.take()
        try:
            sent = os.write(subscriber.fd, waiting) if waiting else 0
        except BlockingIOError:
            sent = 0
        except OSError:
            self._on_gone(subscriber)
            return
        if sent < len(waiting):
            self.lag(subscriber, waiting[sent:])
            if not sent:
                subscriber.backlog.moved_at = moved_at
            return
        subscriber.backlog = None
        if subscriber in self._lagging:
            self._lagging.discard(subscriber)
            assert self._epoll is not None
            self._epoll.modify(subscriber.fd, WATCHED)

    def close(self, subscriber: Subscriber, last: bytes = b"") -> None:
        """Write a final frame if the socket accepts it, and close; what the kernel still buffers is delivered."""
        if last and (subscriber.backlog is None or not subscriber.backlog.size):
            with contextlib.suppress(OSError):  # a client that misses it reconnects by itself
                os.write(subscriber.fd, last)
        self._close(subscriber)

    def reset(self, subscriber: Subscriber) -> None:
        """Close at once, and discard the kernel's buffer: 1,000 clients that never read would hold 60 MB of it."""
        if subscriber.fd == NO_SOCKET:
            return
        borrowed = _socket(fileno=subscriber.fd)
        try:
            borrowed.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        except OSError:
            pass  # already closed
        finally:
            borrowed.detach()
        self._close(subscriber)

    def drop_stuck(self) -> None:
        """Drop those that have read nothing for too long."""
        for subscriber in list(self._lagging):
            if subscriber.backlog and clock.monotonic() - subscriber.backlog.moved_at > STALL_SECONDS:
                self._on_stuck(subscriber)

    def stop(self) -> None:
        """Stop watching it."""
        if self._greenlet is not None:
            self._greenlet.kill()
            self._greenlet = None
        if self._epoll is not None:
            self._epoll.close()
            self._epoll = None

    def _close(self, subscriber: Subscriber) -> None:
        fd, subscriber.fd = subscriber.fd, NO_SOCKET
        if fd != NO_SOCKET:
            self._lagging.discard(subscriber)
            del self._by_fd[fd]
            os.close(fd)  # which removes it from the epoll too

    def _refresher(self, epoll: select.epoll) -> None:
        loop = gevent.get_hub()
        watcher = loop.loop.io(epoll.fileno(), READ)
        try:
            while True:
                loop.wait(watcher)
                for fd, happened in epoll.poll(0, 256):
                    self._happened(fd, happened)
        finally:
            watcher.stop()
            watcher.close()

    def _happened(self, fd: int, happened: int) -> None:
        subscriber = self._by_fd.get(fd)
        if subscriber is None:
            return
        if happened & WATCHED:
            self._on_gone(subscriber)
        elif happened & select.EPOLLOUT:
            self.flush(subscriber)
