"""A blocked event loop shows in the log and in the metrics."""

from __future__ import annotations

import time

import gevent
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from foundation import loop


def counted():
    return REGISTRY.get_sample_value("onward_loop_still_seconds_count") or 0


def test_a_loop_that_stood_still_is_told_once_and_counted_each_time(monkeypatch):
    monkeypatch.setattr(loop, "log", loop.get_logger("test of the loop"))
    before, refresher = counted(), loop.LoopWatch()
    with capture_logs() as lines:
        refresher.start()
        for times in (1, 2):
            gevent.sleep(0)  # it looks at the clock now
            time.sleep(0.5)  # nobody else has a turn
            with gevent.Timeout(10):
                while counted() < before + times:
                    gevent.sleep(0.01)
        refresher.stop()

    told = [line for line in lines if line["event"] == "loop.blocked"]
    assert len(told) == 1
    assert told[0]["seconds"] > 0.25
