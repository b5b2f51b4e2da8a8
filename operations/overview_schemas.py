"""Requests and responses about how the service is, now and over time, as pydantic models."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import pydantic
from pydantic import Field

from foundation.contract import Answer, Query, example
from operations.schemas import DESTINATION, KIND


def _as_number(value: object) -> object:
    """A query has texts, and a literal takes none for a number."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6 else value


Minutes = Annotated[Literal[15, 60, 360, 1440], pydantic.BeforeValidator(_as_number)]
AT = "2026-11-24T09:30:00+00:00"


class MetricsQuery(Query):
    """The time to show: with up to an hour by minute, else by five or fifteen minutes."""

    minutes: Minutes = Field(60, description="Up to the last whole minute.", examples=[60])


class HealthCause(Answer):
    """Something that is not well: what operators are alerted of."""

    rule: Annotated[str, Field(description="The name of the rule: the same as of the alert.", examples=["circuit"])]
    subject: Annotated[str, Field(description="The destination; empty if it concerns the whole service.")]
    seller_id: Annotated[int | None, Field(description="Whose it is, if it is a shop's.")]
    since: datetime
    reason: str
    message: Annotated[str, Field(description="A sentence for people.")]


class PausedDestination(Answer):
    """A destination that an operator has paused: not a fault, and not to be forgotten."""

    destination: str
    since: datetime | None
    waiting: int


class ServiceHealth(Answer):
    """Whether all is well by the rules of the alerts, and what is not."""

    model_config = example(
        well=False,
        causes=[
            {
                "rule": "circuit",
                "subject": DESTINATION,
                "seller_id": None,
                "since": AT,
                "reason": "10 of 10 calls just failed",
                "message": f"Calls to {DESTINATION} are stopped: 10 of 10 calls just failed",
            }
        ],
        paused=[],
    )

    well: bool
    causes: list[HealthCause]
    paused: list[PausedDestination]


class MetricLine(Answer):
    """One line of a chart."""

    name: Annotated[
        str,
        Field(
            description="`changes`, `effects`, `opened` and `dropped` are a minute, `effect_seconds` and "
            "`request_seconds` seconds, the others numbers at the time."
        ),
    ]
    label: Annotated[str, Field(description="As `succeeded`, `p95` or a role; empty where there is only one.")]
    values: Annotated[list[float | None], Field(description="One for each step; null if nothing is known of it.")]


class KindFigures(Answer):
    """How a kind of side effect did in the whole time."""

    kind: str
    per_minute: float
    success: Annotated[float | None, Field(description="Per cent of those that ended; null if none did.")]
    p50: Annotated[float | None, Field(description="Seconds that half of the attempts did not exceed.")]
    p95: float | None
    p99: float | None
    retried: int
    waiting: int
    dead: int


class MetricHistory(Answer):
    """Numbers over time, of all processes together."""

    model_config = example(
        since=AT,
        step_seconds=60,
        lines=[{"name": "changes", "label": "", "values": [12.0, None, 14.0]}],
        kinds=[
            {
                "kind": KIND,
                "per_minute": 4.2,
                "success": 99.9,
                "p50": 0.11,
                "p95": 0.24,
                "p99": 1.2,
                "retried": 3,
                "waiting": 0,
                "dead": 1,
            }
        ],
    )

    since: datetime
    step_seconds: int
    lines: list[MetricLine]
    kinds: list[KindFigures]


class StreamFigures(Answer):
    """Streams of all processes in the last hour, and how many were open in the last whole minute."""

    model_config = example(
        processes=2,
        open={},
        opened={"new": 40, "resumed": 6},
        closed={},
    )

    processes: int
    open: Annotated[dict[str, int], Field(description="By role.")]
    opened: Annotated[dict[str, int], Field(description="`resumed` are reconnects with a cursor.")]
    closed: Annotated[dict[str, int], Field(description="By reason; `slow consumer` was dropped for not reading.")]
