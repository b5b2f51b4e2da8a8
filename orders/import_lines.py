"""What a line of an import may say, and the reading of lines from a body that arrives in pieces."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import orjson
from pydantic import Field, StringConstraints

from foundation.contract import WHOLE, Body, Moment, example
from foundation.errors import InvalidRequest
from foundation.one_line import CHECKED
from orders.schemas import STATUSES, CreateOrderRequest
from orders.workflow import Workflow

LINE_BYTES = 256 * 1024
"""A longer line is refused without being kept; an order of 200 items with a hundred events has a fifth."""

MOST_EVENTS = 1_000
"""Events of one order."""

AHEAD = timedelta(minutes=5)
"""How far the clock of the other system may be ahead."""


class ImportedActor(Body):
    """Who made a change; `system` is the other system itself."""

    role: Literal["seller", "buyer", "operator", "service", "system"]
    id: Annotated[int, Field(ge=0, le=2**63 - 1), WHOLE]


class ImportedEvent(Body):
    """A row of the history that an order brings with it."""

    status: Annotated[str, StringConstraints(max_length=50), Field(examples=STATUSES)]
    at: Moment
    actor: ImportedActor | None = Field(None, description="The importing service, if absent.")
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000)] | None = None


class ImportedOrder(CreateOrderRequest):
    """An order of another system, as one line of an import."""

    model_config = example(
        external_id="shop-1001",
        seller_id=1,
        buyer_id=1,
        number="A-2001",
        currency="EUR",
        buyer_name="Alice Archer",
        buyer_email="alice@example.org",
        items=[{"sku": "MUG-1", "title": "Blue mug", "quantity": 2, "unit_price_minor": 1250}],
        status="CONFIRMED",
        created_at="2026-11-20T09:30:00Z",
        history=[
            {"status": "PENDING", "at": "2026-11-20T09:30:00Z"},
            {"status": "CONFIRMED", "at": "2026-11-20T10:00:00Z", "actor": {"role": "seller", "id": 1}},
        ],
    )

    external_id: Annotated[
        str,
        StringConstraints(min_length=1, max_length=100, strip_whitespace=True),
        CHECKED,
        Field(description="The order's id in the other system, by which the line can be repeated."),
    ]
    status: Annotated[
        str | None, Field(description="The current status; that of the last event, or the initial one, if absent.")
    ] = None
    created_at: Annotated[
        Moment | None, Field(description="Not after the first event, whose time it is if it is absent.")
    ] = None
    history: list[ImportedEvent] = Field(
        default_factory=list,
        max_length=MOST_EVENTS,
        description="All its events, oldest first, beginning with its creation.",
    )

    @property
    def digest(self) -> str:
        """Equal for lines that say the same, in whatever order and spelling."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True)
class ImportedPast:
    """The history of an order, as it is stored."""

    created_at: datetime
    status: str
    events: list[dict[str, Any]]


def past_of(order: ImportedOrder, workflow: Workflow, now: datetime) -> ImportedPast:
    """The order's history, complete; raises InvalidRequest if it contradicts itself or the workflow."""
    events = order.history or [
        ImportedEvent(status=order.status or workflow.initial, at=order.created_at or now, actor=None)
    ]
    created_at = order.created_at or events[0].at
    times = [created_at, *(one.at for one in events)]
    unknown = [
        one for one in {order.status or events[-1].status, *(e.status for e in events)} if one not in workflow.statuses
    ]
    if unknown:
        raise InvalidRequest(f"Unknown status {unknown[0]!r}.")
    if order.status and order.status != events[-1].status:
        raise InvalidRequest(f"The status is {order.status}, but the last event says {events[-1].status}.")
    if any(later < earlier for earlier, later in itertools.pairwise(times)):
        raise InvalidRequest("The history must be in the order of its times, beginning with created_at.")
    if times[-1] > now + AHEAD:
        raise InvalidRequest("The history must not lie in the future.")
    for one in events:
        _refuse_strangers(order, one)
    return ImportedPast(created_at, events[-1].status, [_stored(events, place) for place in range(len(events))])


def _refuse_strangers(order: ImportedOrder, event: ImportedEvent) -> None:
    """A seller or a buyer who acted is the order's own: the other side would be named to them otherwise."""
    sides = {"seller": order.seller_id, "buyer": order.buyer_id}
    if event.actor and sides.get(event.actor.role, event.actor.id) != event.actor.id:
        raise InvalidRequest(f"{event.actor.role.title()} {event.actor.id} is not the order's.")


def _stored(events: list[ImportedEvent], place: int) -> dict[str, Any]:
    event = events[place]
    return {
        "version": place + 1,
        "from_status": events[place - 1].status if place else None,
        "status": event.status,
        "role": event.actor and event.actor.role,
        "actor_id": event.actor and event.actor.id,
        "reason": event.reason or None,
        "at": event.at,
    }


def lines_of(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Each line with its number from 1, or None instead of one that is too long; empty lines are only counted."""
    number, held, long = 0, bytearray(), False
    for piece in pieces:
        *ended, rest = piece.split(b"\n")
        for line in ended:
            number += 1
            if not line and not held and not long:
                continue
            held += line[: LINE_BYTES + 1]
            if whole := _line(held, long):
                yield number, whole[0]
            held, long = bytearray(), False
        held += rest
        if len(held) > LINE_BYTES:
            held, long = bytearray(), True
    if whole := _line(held, long):
        yield number + 1, whole[0]


def _line(held: bytearray, long: bool) -> tuple[bytes | None] | None:
    if long or len(held) > LINE_BYTES:
        return (None,)
    return (bytes(held),) if held.strip() else None
