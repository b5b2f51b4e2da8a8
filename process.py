"""One process: its parts, its start and stop, and its readiness."""

from __future__ import annotations

from dataclasses import dataclass, field

import gevent
from flask import Flask

from access.parts import Access
from dashboard.demo_streams import StreamCuts
from foundation import db, metric_files, poolers
from foundation.health import Check
from foundation.loop import LoopWatch
from foundation.pruning import Pruner
from foundation.settings import Settings
from notifications.alerts import Alerts
from notifications.live_counts import LiveCounts
from operations.wiring import Operations
from orders.wiring import Orders
from outbox.engine import Engine
from realtime.wiring import Realtime


@dataclass
class Onward:
    """The parts of one process that live as long as it does: `app.extensions["onward"]`, and nothing else there."""

    settings: Settings
    access: Access
    realtime: Realtime
    counts: LiveCounts
    engine: Engine
    orders: Orders
    alerts: Alerts
    operations: Operations
    pruner: Pruner
    demo: StreamCuts | None = None
    loop: LoopWatch = field(default_factory=LoopWatch)
    stopping: bool = False
    _flusher: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        """Start working; once in each process, after the fork."""
        self.loop.start()
        self.access.refresher.start()
        self.realtime.start(lambda: self.engine.owner)
        if self.demo is not None:
            self.demo.start()
        self.counts.start()
        self.engine.start()
        self.operations.runner.start()
        self.operations.rollups.start()
        self.pruner.start()
        self._flusher = gevent.spawn(metric_files.flush_for_ever)

    def stop(self) -> None:
        """Close every stream, finish or release what is pending, and close the database connections."""
        self.stopping = True
        self.pruner.stop()
        self.operations.runner.stop()
        self.operations.rollups.stop()
        if self.demo is not None:
            self.demo.stop()
        self.realtime.drain()
        self.engine.stop()
        self.counts.stop()
        self.realtime.stop()
        self.access.refresher.stop()
        self.loop.stop()
        if self._flusher is not None:
            self._flusher.kill()
        metric_files.flush()

    def checks(self) -> dict[str, Check]:
        """The readiness checks by name; each returns what is wrong, or None."""
        revocations = self.access.credentials.tokens.revocations
        return {
            "stopping": lambda: "the process is shutting down" if self.stopping else None,
            "sessions": poolers.check(self.settings.dsn),
            "schema": db.schema_problem,
            "changes": self.orders.hot_pool.refusal,
            "credentials": lambda: None if revocations.known else "revocations have not been read yet",
            "feed": lambda: None if self.realtime.feed.alive else "live-event feed is stalled",
            "engine": lambda: None if self.engine.alive else "side-effect workers are not running",
        }


def onward_of(app: Flask) -> Onward:
    """The running parts of this application."""
    onward: Onward = app.extensions["onward"]
    return onward
