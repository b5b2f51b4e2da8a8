"""Requests and responses about side effects, as pydantic models: the source of the OpenAPI document."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal

import pydantic
from pydantic import Field

from access.actors import Acting
from access.principal import Role
from foundation.contract import LARGEST_ID, Answer, Body, Id, Query, example, example_of
from foundation.errors import InvalidRequest
from operations.selection import Selection
from side_effects.retry import fingerprint

KIND, DESTINATION, EVENT_TYPE = "email.status", "mail-server", "order"
ERROR = "RCPT TO: the mail server answered 550 5.1.1 No such mailbox"
FINGERPRINT = fingerprint(ERROR)
"""Used by the examples. All of it occurs: the e-mail of a status change, to a mailbox that does not exist."""

ShortText = Annotated[str, pydantic.StringConstraints(min_length=1, max_length=500)]
Status = Literal["pending", "running", "succeeded", "dead", "discarded", "superseded"]


class SideEffectsQuery(Query):
    """Newest first; `cursor` is the `next_cursor` of the previous page."""

    q: str | None = Field(
        None,
        max_length=500,
        description="Qualifiers, all of which have to hold, as operators type them: kind, error, order, state, shop, "
        "destination, attempts, request, id, group, since, until. A word without one is looked for in the error.",
        examples=['kind:email error:"550 5.1.1" state:dead'],
    )
    status: Annotated[Status, Field(description="Filter by status.", examples=["dead"])] | None = None
    kind: str | None = Field(None, max_length=200, description="Filter by kind.", examples=[KIND])
    destination: str | None = Field(None, max_length=500, description="Filter by destination.", examples=[DESTINATION])
    fingerprint: str | None = Field(
        None, max_length=200, description="Filter by the error's fingerprint, from the groups.", examples=[FINGERPRINT]
    )
    cursor: Annotated[Id, Field(description="`next_cursor` of the previous page.", examples=[1001])] = LARGEST_ID
    limit: int = Field(50, ge=1, le=200, description="Side effects per page.", examples=[50])

    def selection(self, typed: Selection) -> Selection:
        """What is selected by the qualifiers, and by the other parameters; raises InvalidRequest if one is in both."""
        given = Selection((), self.kind, None, self.fingerprint, self.destination, status=self.status).members
        if both := given.keys() & typed.members.keys():
            raise InvalidRequest(f"q: {min(both)} is a parameter too.")
        return replace(typed, **given)


class DeadLetterSelection(Body):
    """Selects dead letters: all given conditions hold, and at least one has to be given."""

    ids: Annotated[list[Id], Field(max_length=1000, default_factory=list)]
    kind: ShortText | None = None
    fingerprint: str | None = Field(None, max_length=200)
    destination: ShortText | None = None

    def selection(self) -> Selection:
        chosen = Selection(tuple(self.ids), self.kind, None, self.fingerprint, self.destination)
        if chosen == Selection():
            raise InvalidRequest("Give ids, kind, fingerprint or destination.")
        return chosen


class RedeliverDeadLettersRequest(DeadLetterSelection):
    """Dead letters to redeliver, and the rate."""

    model_config = example(kind=KIND, per_second=10)

    per_second: Annotated[float, Field(ge=0.01, le=1000)] = 10


class DiscardDeadLettersRequest(DeadLetterSelection):
    """Dead letters to discard, and the reason."""

    model_config = example(kind=KIND, reason="The shop has closed.")

    reason: ShortText


class ChangeCircuitRequest(Body):
    """The requested state of a destination's circuit."""

    model_config = example(destination=DESTINATION, action="pause", reason="The provider is moving.")

    destination: ShortText
    action: Literal["pause", "resume"]
    reason: Annotated[str, pydantic.StringConstraints(max_length=500)] = ""


class SetSideEffectsModeRequest(Body):
    """The mode to set for a kind; `*` means all kinds."""

    model_config = example(mode="background", kind="*")

    mode: Literal["background", "sequential", "default"]
    kind: ShortText = "*"


class SideEffect(Answer):
    """A side effect that has a row of its own."""

    model_config = example(
        id=1,
        kind=KIND,
        destination=DESTINATION,
        event_type=EVENT_TYPE,
        event_id=2,
        order_id=1,
        status="dead",
        attempts=1,
        crashes=0,
        scheduled_at="2026-11-24T09:30:00.223456+00:00",
        last_error=ERROR,
        fingerprint=FINGERPRINT,
        request_id="7f3c2a9d51e84b06",
        created_at="2026-11-24T09:30:00.123456+00:00",
        finished_at="2026-11-24T09:30:01.123456+00:00",
        job_id=None,
        moved_on=False,
    )

    id: Id
    kind: str
    destination: str
    event_type: str
    event_id: Annotated[int, Field(description="The event that caused it.")]
    order_id: Annotated[int, Field(description="The order.")]
    status: Status
    attempts: int
    crashes: int
    scheduled_at: datetime
    last_error: str
    fingerprint: Annotated[str, Field(description="Equal for errors that differ only in numbers.")]
    request_id: str
    created_at: datetime
    finished_at: datetime | None
    job_id: Annotated[int | None, Field(description="The job that redelivered or discarded it last.")]
    moved_on: Annotated[bool, Field(description="Whether the order has changed since.")]


class SideEffectAttempt(Answer):
    """An attempt at a side effect."""

    attempt: int
    at: Annotated[datetime, Field(description="When it began.")]
    seconds: Annotated[float | None, Field(description="How long it took; null if that is not known.")]
    outcome: Literal["succeeded", "retry", "dead", "crashed"]
    error: str


class SideEffectDetail(SideEffect):
    """A side effect, its last 20 attempts, the oldest first, and its order."""

    model_config = example(
        **example_of(SideEffect),
        attempt_log=[
            {
                "attempt": 1,
                "at": "2026-11-24T09:30:01.100000+00:00",
                "seconds": 0.0234,
                "outcome": "dead",
                "error": ERROR,
            }
        ],
        order_number="A-1001",
        seller_id=1,
    )

    attempt_log: list[SideEffectAttempt]
    order_number: Annotated[str | None, Field(description="Null if it is about no order.")]
    seller_id: int | None


class SideEffectPage(Answer):
    """A page of side effects, newest first."""

    model_config = example(side_effects=[example_of(SideEffect)], next_cursor=None)

    side_effects: list[SideEffect]
    next_cursor: Annotated[
        int | None,
        Field(description="Send it as `cursor` for the next page, which may follow an empty one; null on the last."),
    ]


class SideEffectPath(pydantic.BaseModel):
    """The path of a side effect."""

    side_effect_id: Annotated[Id, Field(description="The side effect's id.", examples=[1])]


class SideEffectCounts(Answer):
    """How many there are, each counted up to 10,000: 10,001 means more."""

    model_config = example(pending=3, running=1, dead=12)

    pending: int
    running: int
    dead: int


class DeadLetterGroup(Answer):
    """Dead letters of one kind with the same error."""

    kind: str
    fingerprint: str
    count: int
    example: Annotated[str, Field(description="One of the errors.")]
    oldest: datetime
    destinations: list[str]


class DeadLetterGroupList(Answer):
    """Dead letters by kind and error, most frequent first."""

    model_config = example(
        groups=[
            {
                "kind": KIND,
                "fingerprint": FINGERPRINT,
                "count": 1,
                "example": ERROR,
                "oldest": "2026-11-24T09:30:00.123456+00:00",
                "destinations": [DESTINATION],
            }
        ]
    )

    groups: list[DeadLetterGroup]


class DeadLetterCount(Answer):
    """Number of changed rows, at most 10,000."""

    model_config = example(count=1)

    count: int


class DestinationCircuit(Answer):
    """A destination that was ever called, what waits for it, and its circuit's last change."""

    destination: str
    state: Literal["closed", "open", "half-open", "paused"]
    until: Annotated[datetime | None, Field(description="When it is probed next; null while it is called.")]
    reason: str | None
    at: datetime | None
    waiting: Annotated[int, Field(description="Side effects that wait for it, counted up to 10,000.")]
    calls: Annotated[int, Field(description="Calls of the last five minutes.")]
    failures: Annotated[int, Field(description="How many of them failed.")]
    seller_id: Annotated[int | None, Field(description="Whose webhook endpoint it is.")]


class CircuitList(Answer):
    """The destinations' circuits, first those that are not called; at most 500."""

    model_config = example(
        circuits=[
            {
                "destination": DESTINATION,
                "state": "paused",
                "until": None,
                "reason": "paused by operator 1: The provider is moving.",
                "at": "2026-11-24T09:30:00.123456+00:00",
                "waiting": 38,
                "calls": 20,
                "failures": 12,
                "seller_id": None,
            }
        ]
    )

    circuits: list[DestinationCircuit]


class KindMode(Answer):
    """A mode that an operator has set."""

    kind: Annotated[str, Field(description="`*` is every kind without a mode of its own.")]
    mode: Literal["background", "sequential"]


class ModeList(Answer):
    """The modes that operators have set; SIDE_EFFECTS_MODE applies to what is not among them."""

    model_config = example(modes=[{"kind": "*", "mode": "sequential"}])

    modes: list[KindMode]


class SideEffectsMode(Answer):
    """The mode of a kind from now on."""

    model_config = example(mode="background", kind="*")

    mode: Literal["background", "sequential", "default"]
    kind: str


class ActionActor(Acting):
    """The account that acted, and by whom or what."""

    role: Role


class OperatorAction(Answer):
    """An action of an operator."""

    actor: str
    by: ActionActor | None = pydantic.Field(description="By whom or what the actor acted; null if it is not known.")
    action: str
    target: str
    reason: str
    count: int
    at: datetime


class OperatorActionList(Answer):
    """The newest 100 actions of operators."""

    model_config = example(
        actions=[
            {
                "actor": "operator 1",
                "by": {"role": "operator", "id": 1, "person": {"id": 3, "name": "Olive Ojala", "former": False}},
                "action": "pause",
                "target": DESTINATION,
                "reason": "The provider is moving.",
                "count": 1,
                "at": "2026-11-24T09:30:00.123456+00:00",
            }
        ]
    )

    actions: list[OperatorAction]
