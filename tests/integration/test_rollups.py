"""What happened in each minute: counted by all processes together, never by scanning, and gone with retention."""

from __future__ import annotations

import pytest

from operations.rollups import Rollups
from side_effects.metrics import Metrics


@pytest.fixture
def rollups(onward, app):
    """Those of two processes."""
    pair = [Rollups(app, onward.realtime.hub) for _ in range(2)]
    for one in pair:
        one._before.update(dict.fromkeys(one._before, 0))
        one.start()
        one._greenlet.kill()
    return pair


@pytest.fixture
def minute_ago(sql):
    """What is written now is of the minute that the page shows last."""

    def move():
        sql("UPDATE metric_minutes SET minute = date_trunc('minute', clock_timestamp() - interval '1 min')")

    return move


def line(olive, name, label="", minutes=15):
    shown = olive.get(f"/api/ops/metrics?minutes={minutes}").json
    (found,) = [one for one in shown["lines"] if (one["name"], one["label"]) == (name, label)]
    return found["values"]


def test_the_counts_of_all_processes_add_up(rollups, minute_ago, olive, sql):
    Metrics().attempted("email.status", "succeeded", 0.2)
    Metrics().attempted("email.status", "retry", 0.2)
    for one in rollups:
        one.write()
    Metrics().attempted("email.status", "succeeded", 0.2)
    rollups[0].write({})
    minute_ago()

    assert [(3.0,)] == sql("SELECT value FROM metric_minutes WHERE name = 'attempts' AND label LIKE '%% succeeded'")
    assert [(2.0,)] == sql("SELECT value FROM metric_minutes WHERE name = 'processes'")
    assert 3.0 == line(olive, "effects", "succeeded")[-1]
    assert 0.1 < line(olive, "effect_seconds", "p95")[-1] <= 0.25
    (kind,) = [one for one in olive.get("/api/ops/metrics").json["kinds"] if one["kind"] == "email.status"]
    assert (100.0, 2) == (kind["success"], kind["retried"])


def test_a_minute_without_a_process_is_a_gap_and_one_without_work_is_zero(rollups, minute_ago, olive):
    rollups[0].write()
    minute_ago()

    values = line(olive, "effects", "dead")
    assert ([None] * 14, 0.0) == (values[:-1], values[-1])
    assert 96 == len(line(olive, "effects", "dead", minutes=1440))


def test_what_waits_is_written_once_a_minute_with_its_age(rollups, minute_ago, olive, sql):
    sql(
        """INSERT INTO side_effects (kind, destination, event_type, event_id, order_id, scheduled_at)
        SELECT 'email.status', 'mail-server', 'order', -n, -n, clock_timestamp() - interval '2 min'
        FROM generate_series(1, 3) AS n"""
    )
    for one in rollups:
        one.write()
    minute_ago()

    assert 3.0 == line(olive, "waiting")[-1]
    assert 120 <= line(olive, "oldest")[-1] < 130


def test_streams_are_counted_over_all_processes(rollups, minute_ago, olive, onward, monkeypatch):
    class Listener:
        who = "seller:7"

    monkeypatch.setattr(onward.realtime.hub, "subscribers", {Listener(): None})
    for one in rollups:
        one.write()
    minute_ago()

    shown = olive.get("/api/ops/streams").json
    assert (2, {"seller": 2}) == (shown["processes"], shown["open"])
    assert {"new", "resumed"} == shown["opened"].keys()


def test_old_minutes_are_deleted(rollups, onward, sql):
    rollups[0].write()
    sql("UPDATE metric_minutes SET minute = minute - interval '25 h' WHERE name <> 'processes'")
    onward.pruner.prune()

    assert [("processes",)] == sql("SELECT name FROM metric_minutes")


def test_only_whole_ranges_are_shown(olive):
    assert 422 == olive.get("/api/ops/metrics?minutes=7").status
