"""R12, R13: thousands of streams lose their process at once, and a process is replaced while all are open."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

import gevent
import psutil

from chaos import invariants
from chaos.database import Server
from chaos.load import Load
from chaos.report import Report, percentile
from chaos.world import World
from foundation import clock

REPLAYS = """SELECT coalesce(sum(idx_scan), 0) FROM pg_stat_user_indexes
    WHERE indexrelname = 'realtime_packs_channel_seq_idx'"""
"""Each replay from the log uses this index; a replay from memory reads no database."""

ASKING = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'onward replay' AND state = 'active'"""
MANY = "1000"
"""Streams that each user may have here: there are fewer users than streams."""


def reconnect_storm(server: Server, report: Report) -> None:
    """R12: all workers are killed at once while 2,000 streams are open."""
    streams, rate, changes = report.either((150, 50, 300), (2000, 100, 3000))
    with World(server, report, mail=False, STREAMS_PER_PERSON=MANY) as world:
        world.listen(streams)
        load = world.load(changes, rate)
        load.start(clients=8)
        load.wait_for(changes // 5)
        replays = world.database.number(REPLAYS)
        greeted = [reader.greetings for reader in world.readers]
        for pid in world.service.workers():
            os.kill(pid, signal.SIGKILL)
        killed, before = clock.monotonic(), len(load.acknowledged)
        most = max(_asking_until_all_are_back(world, greeted))
        report.check("all streams back after", clock.monotonic() - killed, "s", at_most=10)
        load.wait()
        load_after = [one for one in load.acknowledged[before:] if one.at > killed]
        begun = min(one.at for one in load_after)
        report.tell("first 200 after", begun - killed, "s")
        # Requests sent while there was no worker at all have waited for one to start: that is the figure above.
        storm = [one.seconds for one in load_after if one.at - one.seconds > begun]
        p99 = 1000 * percentile(storm, 0.99)
        report.check("PATCH p99 meanwhile", p99, "ms", at_most=report.either(2000, 250))
        report.check("replays that asked the database at once", most, at_most=16)
        world.drain()
        asked = world.database.number(REPLAYS) - replays
        report.check("reads of the log for replays", asked, at_most=streams)
        invariants.check(world, load, twice_share=None)


def _asking_until_all_are_back(world: World, greeted: list[int], limit: float = 30.0) -> Iterator[int]:
    yield 0
    ends = clock.monotonic() + limit
    while clock.monotonic() < ends and any(
        one.greetings <= then for one, then in zip(world.readers, greeted, strict=True)
    ):
        yield world.database.number(ASKING)
        gevent.sleep(0.1)


def rolling_restart(server: Server, report: Report) -> None:
    """R13: HUP, then max_requests, then TERM, with 500 streams and 300 changes a second."""
    streams, rate, changes = report.either((50, 60, 300), (500, 300, 6000))
    with World(server, report, mail=False, STREAMS_PER_PERSON=MANY) as world:
        world.listen(streams)
        load = world.load(changes, rate)
        load.start(clients=16)
        load.wait_for(changes // 4)
        old, begun = world.service.workers(), clock.monotonic()
        os.kill(world.service.pid, signal.SIGHUP)
        _wait_until_gone(old)
        report.check("HUP: old workers ended after", clock.monotonic() - begun, "s", at_most=10)
        load.wait_for(changes // 2)
        begun = clock.monotonic()
        victim = world.service.workers()[0]
        os.kill(victim, signal.SIGTERM)
        _wait_until_gone([victim])
        report.check("TERM: the worker ended after", clock.monotonic() - begun, "s", at_most=10)
        load.wait()
        report.check("longest time without a 200", _longest_gap(load), "s", at_most=3)
        report.check("drained after the last change", world.drain(), "s", at_most=30)
        world.service.wait_until_ready()
        invariants.check(world, load, twice_share=None)


def recycled_workers(server: Server, report: Report) -> None:
    """R13, the other half: every worker is replaced after some requests, with streams open."""
    streams, rate, changes, most = report.either((30, 60, 240, 100), (500, 300, 6000, 1500))
    arguments = f"--max-requests {most} --max-requests-jitter {most // 5}"
    with World(server, report, mail=False, GUNICORN_CMD_ARGS=arguments, STREAMS_PER_PERSON=MANY) as world:
        world.listen(streams)
        first = set(world.service.workers())
        load = world.load(changes, rate)
        load.start(clients=16)
        load.wait()
        ends = clock.monotonic() + 20  # the last one may still be closing its streams
        while first <= set(world.service.workers()) and clock.monotonic() < ends:
            gevent.sleep(0.1)
        report.check("workers that were replaced", len(first - set(world.service.workers())), at_least=1)
        report.check("longest time without a 200", _longest_gap(load), "s", at_most=1.5)
        report.check("drained after the last change", world.drain(), "s", at_most=30)
        world.service.wait_until_ready()
        invariants.check(world, load, twice_share=None)


def _wait_until_gone(pids: list[int], limit: float = 60.0) -> None:
    ends = clock.monotonic() + limit
    while clock.monotonic() < ends and any(_lives(pid) for pid in pids):
        gevent.sleep(0.02)


def _lives(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def _longest_gap(load: Load) -> float:
    moments = sorted(one.at for one in load.acknowledged)
    return max(later - earlier for earlier, later in pairwise(moments))
