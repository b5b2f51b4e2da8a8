"""Line charts as the server draws them: the geometry of an SVG, and the same numbers as a table.

What is not known is a gap in the line, and never a zero; the newest value stands beside the title as text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from foundation import formats

WIDTH, HEIGHT = 600, 140
LEFT, RIGHT, TOP, BOTTOM = 4, 4, 8, 6
GRID = 3
"""Lines of the grid above zero."""

Values = Sequence[float | None]
UNKNOWN = "–"


@dataclass(frozen=True)
class Series:
    """A line of a chart: how it is called, and its value at each time."""

    label: str
    values: Values


@dataclass(frozen=True)
class Drawn:
    """A line as it is drawn."""

    label: str
    last: str
    pieces: list[str]
    """The points of each uninterrupted piece, as `points` of a polyline has them."""

    dots: list[tuple[float, float]]
    """Single values between two gaps."""


@dataclass(frozen=True)
class Chart:
    """A chart, ready for its template."""

    name: str
    title: str
    unit: str
    lines: list[Drawn]
    grid: list[tuple[float, str]]
    """Heights of the grid's lines, and what they stand for, the highest first."""

    rows: list[tuple[str, list[str]]]
    """The table: a time, and the value of each line."""

    width: int = WIDTH
    height: int = HEIGHT

    @property
    def last(self) -> str:
        """The newest values in words."""
        return ", ".join(f"{one.label} {one.last}".strip() for one in self.lines)


def number(value: float | None) -> str:
    """As `1,234`, `12.3`, `0.42`."""
    if value is None:
        return UNKNOWN
    if value >= 100 or value == int(value):
        return formats.number(round(value))
    return formats.number(round(value, 1 if value >= 10 else 2))


def seconds(value: float | None) -> str:
    """As `38 ms`, `1.2 s`, `5 min`."""
    if value is None:
        return UNKNOWN
    if value < 1:
        return f"{value * 1000:.0f} ms" if value >= 0.01 or value == 0 else f"{value * 1000:.1f} ms"
    if value < 120:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.1f} h"


def draw(
    name: str,
    title: str,
    unit: str,
    times: Sequence[datetime],
    lines: Sequence[Series],
    written: Callable[[float | None], str] = number,
) -> Chart:
    """A chart of these lines over these times."""
    top = ceiling(max((value for one in lines for value in one.values if value is not None), default=0.0))
    return Chart(
        name,
        title,
        unit,
        [_drawn(one, top, written) for one in lines],
        [(_height(top * step / GRID, top), written(top * step / GRID)) for step in range(GRID, -1, -1)],
        _rows(times, lines, written),
    )


def ceiling(value: float) -> float:
    """The next number above that a scale may end with: 1, 2, 3 or 6 times a power of ten; 1 if there is nothing."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 3, 6, 10) if value <= power * step * (1 + 1e-9))


def _drawn(series: Series, top: float, written: Callable[[float | None], str]) -> Drawn:
    step = (WIDTH - LEFT - RIGHT) / max(1, len(series.values) - 1)
    pieces: list[list[tuple[float, float]]] = [[]]
    for at, value in enumerate(series.values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((round(LEFT + at * step, 1), _height(value, top)))
    last = next((value for value in reversed(series.values) if value is not None), None)
    return Drawn(
        series.label,
        written(last),
        [" ".join(f"{x:g},{y:g}" for x, y in piece) for piece in pieces if len(piece) > 1],
        [piece[0] for piece in pieces if len(piece) == 1],
    )


def _height(value: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top, 1)


def _rows(
    times: Sequence[datetime], lines: Sequence[Series], written: Callable[[float | None], str]
) -> list[tuple[str, list[str]]]:
    """The newest first; times without any value are left out."""
    rows = [
        (time.isoformat(), [written(one.values[at]) for one in lines])
        for at, time in enumerate(times)
        if any(one.values[at] is not None for one in lines)
    ]
    return rows[::-1]
