"""Writes what each process counted in a minute into a small table, where the counts of all processes add up.

It is what `/ops` draws its charts from: no page counts a large table, and no Prometheus is needed. The counters are
those of `/metrics`. A process that is killed loses what it counted in its last minute.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import gevent
from flask import Flask
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.samples import Sample

from foundation import clock, sql
from foundation.db import db, one_piece
from foundation.logs import FailureLog
from operations.listing import COUNTED
from realtime.access_log import CLOSED, OPENED
from realtime.hub import Hub
from server.responses import SECONDS
from side_effects.metrics import ATTEMPTS, BATCH, DEATHS, DURATION

MINUTE = 60.0
AFTER_SECONDS = 1.0
"""How long after the end of a minute it is written; the clocks of database and process may differ a little."""

SQL = sql.beside(__file__, counted=COUNTED)
THIS_MINUTE = SQL.text("this_minute")
ADD_COUNTS = SQL.text("add_counts")
NOTE_FACTS = SQL.text("note_facts")
ROLLED_UP = SQL.text("rolled_up")
PRUNE_MINUTES = SQL.text("prune_minutes")

Key = tuple[str, str]
"""Name and label."""

COUNTED_BY: Mapping[str, tuple[MetricWrapperBase, str, tuple[str, ...]]] = {
    "attempts": (ATTEMPTS, "_total", ("kind", "outcome")),
    "deaths": (DEATHS, "_total", ("kind",)),
    "changes": (BATCH, "_sum", ()),
    "requests": (SECONDS, "_count", ("status",)),
    "opened": (OPENED, "_total", ("way",)),
    "closed": (CLOSED, "_total", ("reason",)),
}
"""The counter, which of its samples, and the labels of Prometheus that are one label here."""

MEASURED_BY: Mapping[str, tuple[MetricWrapperBase, tuple[str, ...]]] = {
    "effect_seconds": (DURATION, ("kind",)),
    "request_seconds": (SECONDS, ()),
}
"""Histograms: how many took no longer than the bound at the end of the label, and longer than the next lower one."""

PRESENCE = ("processes", "")
"""How many processes were there: without any, a minute is a gap and not a zero."""


class Rollups:
    """The counts of one process."""

    def __init__(self, app: Flask, hub: Hub) -> None:
        self._app = app
        self._hub = hub
        self._before: Counter[Key] = Counter()
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._failures = FailureLog(
            failed=("rollups.write_failed", "The counts of a minute could not be written; they are in the next one"),
            recovered=("rollups.write_recovered", "The counts of each minute are written again"),
        )

    def start(self) -> None:
        self._before = Counter(dict(counted()))
        self._greenlet = gevent.spawn(self._run_for_ever)

    def stop(self) -> None:
        """Write what was counted since the last minute."""
        if self._greenlet is not None:
            self._greenlet.kill(timeout=1)
            self._greenlet = None
            self._try_to_write({})

    def write(self, now: Mapping[Key, float] | None = None) -> None:
        """Add what was counted since the last time to the minute that has just ended, with how things are `now`."""
        counts = Counter(dict(counted()))
        grown = counts - self._before
        with self._app.app_context():
            minute = db.session.scalar(THIS_MINUTE)
            rows = {**grown, **(self._streams() if now is None else now)}
            names, labels = [name for name, _ in rows], [label for _, label in rows]
            values = {"names": names, "labels": labels, "values": list(rows.values())}
            db.session.execute(ADD_COUNTS, {"minute": minute, **values})
            db.session.execute(NOTE_FACTS, {"minute": minute})
            db.session.commit()
        self._before = counts

    def _streams(self) -> dict[Key, float]:
        """Open streams by role, and how many processes there are: each process says so once a minute."""
        roles = Counter(one.who.partition(":")[0] for one in self._hub.subscribers)
        return {PRESENCE: 1.0} | {("streams", role): float(count) for role, count in roles.items()}

    def _try_to_write(self, now: Mapping[Key, float] | None) -> None:
        try:
            self.write(now)
            self._failures.recovered()
        except Exception as error:
            self._failures.failed(error)

    def _run_for_ever(self) -> None:
        while True:
            gevent.sleep(MINUTE - clock.unix_seconds() % MINUTE + AFTER_SECONDS)
            self._try_to_write(None)


def counted() -> Iterator[tuple[Key, float]]:
    """What this process has counted since it began."""
    for name, (metric, suffix, labels) in COUNTED_BY.items():
        found: dict[str, float] = defaultdict(float)
        for sample in _samples(metric, suffix):
            found[" ".join(sample.labels[label] for label in labels)] += sample.value
        yield from (((name, label), value) for label, value in found.items())
    for name, (histogram, labels) in MEASURED_BY.items():
        yield from (((name, label), value) for label, value in _buckets(histogram, labels).items())


def _buckets(histogram: MetricWrapperBase, labels: tuple[str, ...]) -> dict[str, float]:
    """Prometheus counts everything up to a bound; here each is counted once."""
    found: dict[str, float] = defaultdict(float)
    below: dict[tuple[str, ...], float] = {}
    for sample in _samples(histogram, "_bucket"):
        series = tuple(value for name, value in sorted(sample.labels.items()) if name != "le")
        label = " ".join([*(sample.labels[one] for one in labels), sample.labels["le"]])
        found[label] += sample.value - below.get(series, 0.0)
        below[series] = sample.value
    return found


def _samples(metric: MetricWrapperBase, suffix: str) -> Iterator[Sample]:
    for family in metric.collect():
        yield from (one for one in family.samples if one.name.endswith(suffix))


def prune_minutes(hours: int) -> int:
    """Delete a chunk of what is older than this; returns how many."""
    return one_piece(PRUNE_MINUTES, hours=hours)
