"""Gives effects that failed at their first attempt rows of their own, to be retried from there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import psycopg2

from foundation.connections import Row
from foundation.logs import get_logger
from outbox.entries import EntryTask
from side_effects import rows
from side_effects.effects import CalledEffect
from side_effects.retry import INTERNAL, describe, fingerprint

log = get_logger(__name__)


def log_failure(context: str) -> None:
    """Log the exception being handled: an effect of this context could not be given rows of its own."""
    log.warning(
        "outbox.defer_failed",
        "Effect could not be moved to the durable queue; it is retried from the outbox",
        context=context,
        exc_info=True,
    )


class Deferral:
    """Writes those rows. `run` raises the database's error, or that it is unavailable."""

    def __init__(self, run: Callable[..., list[Row]]) -> None:
        self._run = run

    def defer(
        self,
        tasks: Sequence[EntryTask],
        failures: Sequence[tuple[str, BaseException]],
        attempts: int = 1,
        crashes: int = 0,
    ) -> None:
        """Give an effect of these entries that failed at its first attempt rows of its own, one per destination."""
        name, bit, ids = tasks[0].effect.fans_out or tasks[0].name, tasks[0].bit, [task.entry.id for task in tasks]
        reasons = [describe(error) for _, error in failures]
        names, prints = [name for name, _ in failures], [fingerprint(reason) for reason in reasons]
        self._run(rows.DEFER, ids, bit, name, names, reasons, prints, INTERNAL[0] * attempts, attempts, crashes)
        for task in tasks:
            task.entry.mark_done(bit)

    def defer_called(self, left: Sequence[tuple[EntryTask, bool]]) -> None:
        """Calls left by other processes, with whether the process died during them: what may have killed one is not
        called from the outbox again; a row counts its crashes."""
        groups: dict[tuple[int, bool], list[EntryTask]] = {}
        for task, orphaned in left:
            groups.setdefault((task.bit, orphaned), []).append(task)
        for (_, orphaned), tasks in groups.items():
            self._defer_halves(tasks, int(orphaned))

    def _defer_halves(self, tasks: Sequence[EntryTask], attempts: int) -> None:
        """One that cannot be written does not affect the others; its lease expires, and the next scan brings it
        back."""
        effect = tasks[0].effect
        assert isinstance(effect, CalledEffect)
        ended = RuntimeError("the process that was to call it ended" if attempts else "it has not been called yet")
        try:
            self.defer(tasks, [(name, ended) for name in effect.destinations()], attempts, attempts)
        except psycopg2.Error:
            if len(tasks) == 1:
                log_failure(tasks[0].context)
                tasks[0].entry.abandon()
                return
            middle = len(tasks) // 2
            self._defer_halves(tasks[:middle], attempts)
            self._defer_halves(tasks[middle:], attempts)
