"""Delivers events to this process's subscribers: the same encoded bytes to each subscriber of the channel.

Publishing is a loop of write(2) over file descriptors. A subscriber that is present when a batch begins gets all of it,
in order; one that is added meanwhile replays it instead. So a batch may yield to other greenlets in between.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import gevent

from foundation.connections import Row
from realtime import packs, sse
from realtime.access_log import AccessLog
from realtime.channel_index import ALL, ChannelIndex, prefix_of
from realtime.departures import Departure, join
from realtime.followed import MARK, Followers, reduced
from realtime.readers import Readers
from realtime.sockets import Sockets
from realtime.subscriber import NO_SOCKET, Backlog, Subscriber

YIELD_AFTER = 256
"""Writes between yields; 256 take about 1.4 ms."""

SLOW = "slow consumer"
GONE = "gone"


class Hub:
    """Knows the subscribers of each channel."""

    def __init__(self, access_log: AccessLog | None = None, readers: Readers | None = None) -> None:
        self.access_log = access_log or AccessLog()
        self.readers = readers or Readers()
        self._alone = ChannelIndex()
        """Subscribers of this one channel only."""

        self._among_others = ChannelIndex()
        """Subscribers of several channels: they need the order over all of them, since a cursor is one number."""

        self._everything = ChannelIndex()
        """Subscribers of all channels with a prefix."""

        self._followers = Followers()
        """Subscribers that follow one order by a link."""

        self.by_address: dict[str, int] = {}
        """How many streams are open from an address, of those that are limited by it."""

        self._watched: frozenset[str] = frozenset()
        self._report: Callable[[set[str]], object] = lambda _channels: None
        self._indexes = (self._alone, self._among_others, self._everything, self._followers)
        self.sockets = Sockets(self._on_gone, self._on_stuck)
        self.subscribers: dict[Subscriber, None] = {}
        self._written = 0

    def add(self, subscriber: Subscriber) -> None:
        self.subscribers[subscriber] = None
        audiences = self._audiences_of(subscriber)
        for channel in subscriber.channels:
            audiences.join(channel, subscriber)
        if subscriber.address:
            self.by_address[subscriber.address] = self.by_address.get(subscriber.address, 0) + 1

    def remove(self, subscriber: Subscriber, reason: str) -> None:
        """Remove a subscriber; only the first call has an effect."""
        if subscriber in self.subscribers:
            del self.subscribers[subscriber]
            audiences = self._audiences_of(subscriber)
            for channel in subscriber.channels:
                audiences.leave(channel, subscriber)
            if subscriber.address:
                self._forget_address(subscriber.address)
            subscriber.closed_for = subscriber.closed_for or reason
            self.access_log.closed(subscriber)
            self.readers.closed(subscriber)

    def watch(self, types: Collection[str], report: Callable[[set[str]], object]) -> None:
        """Report the channels that have received events of these types here, by subscribers of that channel alone."""
        self._watched, self._report = frozenset(types), report

    def count(self, channel: str) -> int:
        """How many subscribers this channel has."""
        return sum([len(one.by_channel.get(channel, ())) for one in self._indexes])

    def listening(self, channel: str) -> Iterator[Subscriber]:
        """All subscribers of this channel."""
        for audiences in self._indexes:
            yield from audiences.of(channel)

    def take_socket(self, subscriber: Subscriber, fd: int) -> None:
        """Write to this descriptor from now on, starting with what has arrived since the subscriber was added."""
        subscriber.fd = fd
        self.sockets.add(subscriber)
        if subscriber.closed_for:
            self.sockets.close(subscriber, subscriber.backlog.take() if subscriber.backlog else b"")
            self.remove(subscriber, subscriber.closed_for)
        else:
            self.sockets.flush(subscriber)

    def publish(self, epoch: int, rows: Iterable[Row]) -> None:
        """Deliver a batch: rows of the log, ascending. Events are encoded once, and only if there are receivers."""
        for audience, piece, events in self._departures(epoch, rows):
            for start in range(0, len(audience), YIELD_AFTER):
                self._deliver(audience[start : start + YIELD_AFTER], piece, events)
                if self._written >= YIELD_AFTER:
                    self._written = 0
                    gevent.sleep(0)

    def say(self, subscriber: Subscriber, frame: bytes) -> None:
        """Send one frame to one subscriber."""
        self._deliver((subscriber,), frame, 1)

    def say_to(self, channel: str, type: str, data: dict[str, object]) -> None:
        """Send an event that is not in the log to the subscribers of this channel alone."""
        self._deliver(self._alone.of(channel), sse.encode_json(type, data), 1)

    def end(self, subscriber: Subscriber, reason: str, last: bytes = b"") -> None:
        """Send a final frame to a subscriber and remove it."""
        if subscriber.closed_for:
            return
        subscriber.closed_for = reason
        if subscriber.fd != NO_SOCKET:
            self.sockets.close(subscriber, last)
            self.remove(subscriber, reason)
        elif subscriber.backlog is not None:
            # The owner of the backlog ends the stream: the iterator, or the request that is still opening it.
            subscriber.backlog.put(last)
            self._leave_to_reader(subscriber)

    def break_off(self, subscriber: Subscriber, reason: str, last: bytes) -> None:
        """Close a stream whose replay failed: its backlog lies behind the gap and must not be sent."""
        if subscriber.backlog is not None:
            subscriber.backlog.take()
        self.end(subscriber, reason, last)

    def end_all(self, reason: str, last: Callable[[], bytes]) -> None:
        """Send a final frame to all subscribers."""
        for subscriber in list(self.subscribers):
            self.end(subscriber, reason, last())

    def reset_all(self, reason: str) -> None:
        """Drop all subscribers, with what was not delivered yet: they reconnect, and it is replayed."""
        for subscriber in list(self.subscribers):
            if not subscriber.closed_for:
                self._drop(subscriber, reason)

    def _departures(self, epoch: int, rows: Iterable[Row]) -> list[Departure]:
        alone: dict[str, list[bytes]] = {}
        among: dict[Subscriber, list[bytes]] = {}
        watched: set[str] = set()
        lonely, mixed, everything, _ = (one.by_channel for one in self._indexes)
        followed = self._followers.buyers
        for row in rows:
            wanted = [channel for channel in packs.channels_of(row) if self._is_wanted(channel)]
            for number, channel, event, data in packs.events(row, wanted) if wanted else ():
                frame = sse.encode(event, data, f"{epoch}.{number}")
                if channel in lonely:
                    alone.setdefault(channel, []).append(frame)
                    if event in self._watched:
                        watched.add(channel)
                for subscriber in mixed.get(channel, ()):
                    among.setdefault(subscriber, []).append(frame)
                if everything and (like := prefix_of(channel)) in everything:
                    alone.setdefault(like, []).append(frame)
                if channel in followed:
                    self._reduce(alone, (channel, event, data), f"{epoch}.{number}")
        if watched:
            self._report(watched)
        return self._addressed(alone, among)

    def _addressed(self, alone: dict[str, list[bytes]], among: dict[Subscriber, list[bytes]]) -> list[Departure]:
        departures: list[Departure] = []
        for channel, frames in alone.items():
            join(departures, self._index_of(channel).of(channel), frames)
        for subscriber, frames in among.items():
            join(departures, (subscriber,), frames)
        return departures

    def _reduce(self, alone: dict[str, list[bytes]], event: tuple[str, str, str], id: str) -> None:
        """Add what those who follow the order of this event receive of it."""
        for channel, known in reduced(*event):
            if channel in self._followers:
                alone.setdefault(channel, []).append(sse.encode(event[1], known, id))

    def _is_wanted(self, channel: str) -> bool:
        """Whether somebody receives events of this channel."""
        if channel in self._alone.by_channel or channel in self._followers.buyers:
            return True
        everything = self._everything.by_channel
        return channel in self._among_others.by_channel or bool(everything and prefix_of(channel) in everything)

    def _audiences_of(self, subscriber: Subscriber) -> ChannelIndex:
        if len(subscriber.channels) > 1:
            return self._among_others
        return self._index_of(subscriber.channels[0])

    def _index_of(self, channel: str) -> ChannelIndex:
        """Where the subscribers of this one channel are."""
        if channel.endswith(ALL):
            return self._everything
        return self._followers if MARK in channel else self._alone

    def _forget_address(self, address: str) -> None:
        self.by_address[address] -= 1
        if not self.by_address[address]:
            del self.by_address[address]

    def _deliver(self, audience: Sequence[Subscriber], piece: bytes, events: int) -> None:
        write, size = os.write, len(piece)
        for subscriber in audience:
            backlog = subscriber.backlog
            if backlog is None:
                try:
                    sent = write(subscriber.fd, piece)
                except BlockingIOError:
                    sent = 0
                except OSError:
                    self._on_gone(subscriber)
                    continue
                if sent != size:
                    self.sockets.lag(subscriber, piece[sent:])
            elif subscriber.closed_for:
                continue
            elif not backlog.put(piece):
                self._drop(subscriber, SLOW)
            subscriber.events += events
            subscriber.bytes += size
        self._written += len(audience)

    def _drop(self, subscriber: Subscriber, reason: str) -> None:
        """Drop it at once, with its backlog, which will be replayed."""
        subscriber.closed_for = reason
        if subscriber.fd != NO_SOCKET:
            self.sockets.reset(subscriber)
            self.remove(subscriber, reason)
        else:
            assert subscriber.backlog is not None
            subscriber.backlog.take()
            self._leave_to_reader(subscriber)

    def _leave_to_reader(self, subscriber: Subscriber) -> None:
        backlog = subscriber.backlog
        if isinstance(backlog, Backlog) and backlog.wake is not None:
            backlog.wake.set()

    def _on_gone(self, subscriber: Subscriber) -> None:
        self.sockets.reset(subscriber)
        self.remove(subscriber, GONE)

    def _on_stuck(self, subscriber: Subscriber) -> None:
        self._drop(subscriber, SLOW)
