"""Joins the parts of this package; there is one instance per process."""

from __future__ import annotations

import resource
from collections.abc import Callable
from functools import partial
from typing import Any

from access import guards
from access.parts import Access
from foundation.connections import PreparedPool
from foundation.settings import Settings
from foundation.version import VERSION
from realtime import link_routes, polling
from realtime import models as models  # its tables, for the metadata
from realtime.appending import Appender
from realtime.fast_path import StreamFastPath
from realtime.feed import Feed
from realtime.heartbeats import Heartbeats, bye
from realtime.hub import Hub
from realtime.limits import StreamLimits
from realtime.log import EventLog
from realtime.readers import Readers, prune_readers
from realtime.replay import Replays
from realtime.routes import ChannelsOf, blueprints
from realtime.sse import Cursor
from realtime.stream import Streams
from realtime.wakeups import WakeUps
from server import headers

SPARE_DESCRIPTORS = 512
"""Reserved for requests, the database and files, beyond the descriptors that streams may use."""

ITERATED_STREAMS = 500
"""Of the streams that gunicorn writes, one in four of its connections."""


def build(settings: Settings, access: Access, channels_of: ChannelsOf, channels_to_poll: ChannelsOf) -> Realtime:
    """The channels of a principal are decided by the layers above, for streams and for events page by page."""
    return Realtime(settings, access, channels_of, channels_to_poll)


class Realtime:
    """Log, feed, hub and streams of one process."""

    def __init__(
        self, settings: Settings, access: Access, channels_of: ChannelsOf, channels_to_poll: ChannelsOf
    ) -> None:
        rights = access.credentials
        self._pools = [PreparedPool(settings.dsn, size, name) for size, name in _pools(settings)]
        log, replayed = (EventLog(pool) for pool in self._pools)
        self.readers = Readers(self._pools[1], lambda: self.feed.position)
        self.hub = Hub(readers=self.readers)
        self.wake_ups = WakeUps(settings.dsn)
        self.feed = Feed(log, self.hub, self.wake_ups, self._on_new_log)
        self.replays = Replays(self.feed, replayed)
        self.append = Appender(lambda: self.feed.packed).append
        limits = StreamLimits(
            self.hub,
            _within_descriptors(settings.stream_limit),
            settings.streams_per_person,
            ITERATED_STREAMS,
            settings.streams_per_address,
        )
        self.streams = Streams(self.hub, self.feed, self.replays, limits, rights, VERSION, settings.stream_lifetime)
        self.heartbeats = Heartbeats(self.hub, rights)
        self.prune = partial(log.prune, settings.retention_hours)
        """Prunes a chunk of what is too old to be replayed; returns how many events."""

        self.pruned = {"live events": self.prune, "streams": partial(prune_readers, settings.retention_hours)}

        recognise, count = partial(guards.recognise, access.credentials), partial(access.limits.take, reading=True)
        self.fast_path = StreamFastPath(
            self.streams,
            recognise,
            channels_of,
            count,
            headers.of_api(settings),
            access.tracking_links.read_offline,
            settings.trusted_proxies,
        )
        self.routes = blueprints(self.streams, replayed, channels_of, channels_to_poll)
        self.link_routes = link_routes.blueprint(self.streams, access.tracking_links, count)
        self._log = replayed

    def start(self, process: Callable[[], int] = lambda: 0) -> None:
        """Start following the log, sending heartbeats, and recording streams; `process` is this process's number."""
        self.feed.start()
        self.heartbeats.start()
        self.readers.start(process)

    def drain(self) -> None:
        """Close every stream, with a reconnect to another process."""
        self.streams.drain()

    def stop(self) -> None:
        self.heartbeats.stop()
        self.feed.stop()
        self.hub.access_log.sum_up()
        self.hub.sockets.stop()
        self.readers.stop()
        for pool in self._pools:
            pool.close()

    def cursor(self) -> str:
        """The log's current position; to be read before the data of a page whose stream continues from it."""
        state = self._log.state()
        return str(Cursor(state.epoch, state.head))

    def newest(self, channels: tuple[str, ...], count: int) -> list[dict[str, Any]]:
        """The newest events of these channels, the newest first."""
        return polling.newest(self._log, channels, count)

    def position(self) -> str:
        """A position that the log has reached, without asking for it while it is followed: up to a second old."""
        return str(Cursor(self.feed.epoch, self.feed.position)) if self.feed.alive else self.cursor()

    def _on_new_log(self) -> None:
        self.hub.end_all("new log", lambda: bye("new log", len(self.hub.subscribers)))


def _pools(settings: Settings) -> tuple[tuple[int, str], tuple[int, str]]:
    return (1, "log"), (settings.replay_connections, "replay")


def _within_descriptors(limit: int) -> int:
    """A stream is an open file: raise the process's limit as far as allowed, and stay below it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limit + SPARE_DESCRIPTORS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return limit if soft == resource.RLIM_INFINITY else max(1, min(limit, soft - SPARE_DESCRIPTORS))
