"""Sums metrics in memory, and writes them once a second into the files in which the workers' metrics add up.

prometheus_client writes each value at once, under a lock and after asking for the process id: 4 us for an attempt that
took 3. A process that is killed loses what it counted in its last second.
"""

from __future__ import annotations

from typing import Any

import gevent
from prometheus_client import values

from foundation.logs import FailureLog

FLUSH_SECONDS = 1.0


class SummedValue:
    """One value of a metric, as prometheus_client asks for it: one for each combination of labels, and each bucket."""

    _multiprocess = True
    """The library asks for it: whether the values of several processes are added up."""

    in_file: Any = None
    """The library's own class, whose values are in the files."""

    def __init__(self, *described: Any, **more: Any) -> None:
        self._described = described, more
        self._written: Any = None
        self._pending = 0.0
        self._replaces = False
        _values.append(self)

    def inc(self, amount: float) -> None:
        self._pending += amount

    def set(self, value: float, timestamp: float | None = None) -> None:  # noqa: ARG002  the library passes it
        self._pending, self._replaces = value, True

    def get(self) -> float:
        written: float = 0.0 if self._replaces or self._written is None else self._written.get()
        return written + self._pending

    def set_exemplar(self, exemplar: Any) -> None:
        """The library keeps none over several processes either."""

    def get_exemplar(self) -> None:
        return None

    def flush(self) -> None:
        """Write what is pending into the file of this process."""
        if self._written is None:  # not earlier: the process may have been forked since
            described, more = self._described
            self._written = self.in_file(*described, **more)
        if self._replaces:
            self._written.set(self._pending)
        elif self._pending:
            self._written.inc(self._pending)
        self._pending, self._replaces = 0.0, False


_values: list[SummedValue] = []
_failures = FailureLog(
    failed=("metrics.write_failed", "Metrics could not be written to their files; retrying"),
    recovered=("metrics.write_recovered", "Metrics are written to their files again"),
)


def install() -> None:
    """Sum all metrics that are made from now on; PROMETHEUS_MULTIPROC_DIR has to be set."""
    SummedValue.in_file = values.MultiProcessValue()  # type: ignore[no-untyped-call]
    values.ValueClass = SummedValue


def flush() -> None:
    """Write what was counted since the last time."""
    try:
        for value in _values:
            value.flush()
        _failures.recovered()
    except OSError as error:
        _failures.failed(error)


def flush_for_ever() -> None:
    """Write it once a second, first at once: the files are open from the beginning."""
    while True:
        flush()
        gevent.sleep(FLUSH_SECONDS)
