"""Metrics are summed in memory and written to the files of all workers."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.multiprocess import MultiProcessCollector
from structlog.testing import capture_logs

from foundation import logs, metric_files


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    monkeypatch.setattr(metric_files, "_values", [])
    metric_files.install()
    return tmp_path


def written(name, **labels):
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry.get_sample_value(name, labels)


def test_what_is_counted_is_in_the_files_after_a_flush(folder):
    counter = Counter("sent", "", ("kind",), registry=None)
    seconds = Histogram("took", "", buckets=(1, 2), registry=None)
    for _ in range(3):
        counter.labels("mail").inc()
    seconds.observe(1.5)
    assert not list(folder.iterdir())

    metric_files.flush()
    counter.labels("mail").inc(2)
    metric_files.flush()
    assert 5 == written("sent_total", kind="mail")
    assert (0, 1, 1.5) == (written("took_bucket", le="1.0"), written("took_bucket", le="2.0"), written("took_sum"))


def test_a_gauge_has_its_last_value(folder):
    gauge = Gauge("waiting", "", multiprocess_mode="livesum", registry=None)
    gauge.set(7)
    metric_files.flush()
    gauge.set(3)
    gauge.inc()
    assert 4 == gauge._value.get()

    metric_files.flush()
    metric_files.flush()
    assert 4 == written("waiting")


def test_what_cannot_be_written_is_told_once_and_kept(folder, monkeypatch):
    counter = Counter("kept", "", registry=None)
    counter.inc()
    folder.rmdir()
    monkeypatch.setattr(logs, "log", logs.get_logger("test of the metrics"))
    monkeypatch.setattr(metric_files, "_failures", logs.FailureLog(("a", "A"), ("b", "B")))
    with capture_logs() as lines:
        metric_files.flush()
        metric_files.flush()
        folder.mkdir()
        metric_files.flush()

    assert ["a", "b"] == [line["event"] for line in lines]
    assert 1 == written("kept_total")
