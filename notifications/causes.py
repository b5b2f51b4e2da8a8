"""The causes for which something is not well: one table, for e-mails to operators, for `/ops` and for Prometheus.

`deploy/prometheus/alerts.yml` has an alert for each of them, and docs/operating.md a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foundation import clock, sql
from foundation.connections import Statement
from foundation.languages import N_
from side_effects.effects import Run

SQL = sql.beside(__file__)

LATE_SECONDS = 300
"""How long something may be due that nothing keeps from being done."""

OUTBOX_SECONDS = 60
"""How old an outbox entry may become; usually they live for milliseconds."""


@dataclass(frozen=True)
class Cause:
    """A rule: whatever its statement returns is not well."""

    name: str
    statement: Statement
    sentence: str
    """With `%(subject)s`, a destination, and `%(reason)s`."""

    mailed_each: Callable[[datetime], str] | None
    """The time that is part of an alert's key, given since when: with another one, it is another alert. None for what
    another package raises."""

    threshold: Callable[[int], tuple[Any, ...]] = lambda _most_dead: ()
    """The statement's parameters, given how many dead letters are nothing to report."""


def _hour(since: datetime) -> str:
    return f"{since:%Y-%m-%d %H}"


def _today(_since: datetime) -> str:
    return f"{clock.now():%Y-%m-%d}"


CAUSES = (
    Cause("circuit", SQL.prepared("circuits_opened"), N_("Calls to %(subject)s are stopped: %(reason)s"), _hour),
    Cause(
        "dead_letters",
        SQL.prepared("many_dead"),
        N_("More dead letters than ALERT_DEAD_LETTERS allows."),
        _today,
        lambda most_dead: (most_dead,),
    ),
    Cause("endpoint", SQL.prepared("endpoints_failing"), N_("Deliveries to %(subject)s fail (%(reason)s)."), None),
    Cause(
        "late",
        SQL.prepared("effects_late"),
        N_("%(reason)s to %(subject)s is due, and nobody does it."),
        _hour,
        lambda _: (LATE_SECONDS,),
    ),
    Cause(
        "outbox",
        SQL.prepared("outbox_late"),
        N_("Outbox entries are not processed."),
        _hour,
        lambda _: (OUTBOX_SECONDS,),
    ),
)


@dataclass(frozen=True)
class NotWell:
    """Something that is not well now."""

    cause: Cause
    subject: str
    """The destination; empty if it concerns the whole service."""

    seller_id: int | None
    since: datetime
    reason: str


def find(run: Run, most_dead: int) -> Iterator[NotWell]:
    """All that is not well, in the order of the table; `most_dead` dead letters are nothing to report, 0 if none ever
    are."""
    for cause in CAUSES:
        if cause.name != "dead_letters" or most_dead:
            for subject, seller_id, since, reason in run(cause.statement, cause.threshold(most_dead)):
                yield NotWell(cause, subject, seller_id, since, reason)
