"""Charts: gaps stay gaps, the scale ends at a round number, and the table has the same numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dashboard import charts
from dashboard.charts import Series

BEGIN = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)


def drawn(*values, written=charts.number):
    times = [BEGIN + timedelta(minutes=at) for at in range(len(values))]
    return charts.draw("effects", "Effects", "per minute", times, [Series("done", values)], written)


def test_a_gap_is_a_gap_and_a_single_value_a_dot():
    (line,) = drawn(1.0, 2.0, None, 0.0, None, 2.0, 1.0).lines

    assert 2 == len(line.pieces)
    assert 1 == len(line.dots)
    assert line.dots[0][1] == charts.HEIGHT - charts.BOTTOM, "a zero lies on the ground"


def test_nothing_known_is_an_empty_chart():
    chart = drawn(None, None)

    assert ([], [], "–", []) == (chart.lines[0].pieces, chart.lines[0].dots, chart.lines[0].last, chart.rows)


def test_the_newest_value_is_said_and_the_table_begins_with_it():
    chart = drawn(1.0, 1234.0, None)

    assert "done 1,234" == chart.last
    assert [["1,234"], ["1"]] == [values for _, values in chart.rows]


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (0.3, 0.3), (0.31, 0.6), (1, 1), (7, 10), (61, 100), (100, 100), (101, 200)]
)
def test_a_scale_ends_at_a_round_number(value, top):
    assert top == pytest.approx(charts.ceiling(value))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0004, "0.4 ms"),
        (0.038, "38 ms"),
        (1.23, "1.2 s"),
        (75.0, "75 s"),
        (300, "5 min"),
        (9000, "2.5 h"),
    ],
)
def test_durations_are_short(value, text):
    assert text == charts.seconds(value)
