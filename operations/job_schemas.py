"""Requests and responses about jobs of operators, as pydantic models."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import pydantic
from pydantic import Field

from foundation.contract import Answer, Body, Id, example, example_of
from foundation.errors import InvalidRequest
from operations.schemas import KIND, ActionActor, ShortText
from operations.selection import Selection


class StartJobRequest(Body):
    """What to do with which dead letters: those with one of the `ids`, those that `q` selects, or `all` of them."""

    model_config = example(action="redeliver", q=f'kind:{KIND} error:"550 5.1.1"', per_second=10)

    action: Literal["redeliver", "discard"]
    ids: Annotated[list[Id], Field(max_length=1000, default_factory=list)]
    q: ShortText | None = Field(None, description="Qualifiers, as in the list of side effects.")
    all: bool = False
    reason: Annotated[str, pydantic.StringConstraints(max_length=500)] = ""
    per_second: Annotated[float, Field(ge=0.01, le=1000)] = 10

    def check(self) -> None:
        """Raises InvalidRequest where more or less than one selection is given, or no reason to discard something."""
        if sum([bool(self.ids), bool(self.q and self.q.strip()), self.all]) != 1:
            raise InvalidRequest("Give either ids or q, or all: true.")
        if self.action == "discard" and not self.reason.strip():
            raise InvalidRequest("reason: say why they are discarded.")

    def selection(self, typed: Selection) -> Selection:
        """The ids, or what was typed."""
        if typed.status not in (None, "dead"):
            raise InvalidRequest("q: a job is about dead letters; leave out state.")
        return Selection(tuple(self.ids)) if self.ids else typed


class JobPath(pydantic.BaseModel):
    """The path of a job."""

    job_id: Annotated[Id, Field(description="The job's id.", examples=[1])]


class OperatorJob(Answer):
    """A job over dead letters: redelivered at a pace, or discarded, in the background."""

    model_config = example(
        id=1,
        actor="operator 1",
        by={"role": "operator", "id": 1, "person": {"id": 3, "name": "Olive Ojala", "former": False}},
        action="redeliver",
        target=f"kinds {KIND}",
        reason="",
        per_second=10.0,
        state="running",
        matching=4,
        done=3,
        error="",
        created_at="2026-11-24T09:30:00.123456+00:00",
        finished_at=None,
        results={},
    )

    id: Id
    actor: str
    by: ActionActor | None = Field(description="By whom or what the actor acted; null if it is not known.")
    action: Literal["redeliver", "discard"]
    target: Annotated[str, Field(description="What was selected, in words.")]
    reason: str
    per_second: float
    state: Literal["running", "finished", "stopped"]
    matching: Annotated[int, Field(description="Dead letters that matched at the beginning; 10,001 means more.")]
    done: Annotated[int, Field(description="How many were redelivered or discarded.")]
    error: Annotated[str, Field(description="Why its last piece failed; it is tried again.")]
    created_at: datetime
    finished_at: datetime | None
    results: Annotated[
        dict[str, int],
        Field(description="How many of its side effects have which status now: `dead` are those that failed again."),
    ]


class OperatorJobList(Answer):
    """The newest 20 jobs."""

    model_config = example(jobs=[example_of(OperatorJob)])

    jobs: list[OperatorJob]
