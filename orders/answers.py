"""Responses about orders, as pydantic models: they document and test what the database writes as text."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from access.actors import Acting
from foundation.contract import Answer, Id, example, example_of, never_null
from foundation.event_schemas import Event
from foundation.problem_schema import Problem
from orders.details import Delivery, Metadata, Parcel, Tracking
from orders.lines import Money, OrderItem
from orders.schemas import STATUSES
from orders.workflow_file import BUILT_IN

StatusName = Annotated[str, Field(examples=STATUSES)]
"""A status of the workflow, which an installation may replace: no enum."""

WORKFLOW = BUILT_IN.published()


class Actor(Acting):
    """Who made the change; `system` is the service itself."""

    role: Literal["seller", "buyer", "operator", "service", "system"]


IF_SET = Field(description="Only if it is set, and yours to read (docs/access.md).", json_schema_extra=never_null)


class Order(Answer):
    """An order as its reader may see it."""

    model_config = example(
        id=1,
        number="A-1001",
        status="PENDING",
        version=1,
        seller_id=1,
        buyer_id=1,
        buyer_name="Alice Archer",
        items=[{"sku": "MUG-1", "title": "Blue mug", "quantity": 2, "unit_price_minor": 1250}],
        total_minor=2500,
        currency="EUR",
        tracking=None,
        created_at="2026-11-24T09:30:00.123456+00:00",
        updated_at="2026-11-24T09:30:00.123456+00:00",
        allowed_transitions=["CONFIRMED", "CANCELLED"],
    )

    id: Id
    number: str
    status: StatusName
    version: int
    seller_id: Id
    buyer_id: Id
    buyer_name: str
    items: list[OrderItem]
    total_minor: Money
    currency: str
    tracking: Tracking | None
    created_at: datetime
    updated_at: datetime
    external_id: Annotated[str | None, IF_SET] = None
    parcels: Annotated[list[Parcel] | None, IF_SET] = None
    buyer_email: Annotated[str | None, IF_SET] = None
    delivery: Annotated[Delivery | None, IF_SET] = None
    due_at: Annotated[datetime | None, IF_SET] = None
    late: Annotated[bool | None, IF_SET] = None
    note: Annotated[str | None, IF_SET] = None
    metadata: Annotated[Metadata | None, IF_SET] = None
    tags: Annotated[list[str] | None, IF_SET] = None
    allowed_transitions: list[StatusName]


MOVED = {
    "status": "CONFIRMED",
    "version": 2,
    "updated_at": "2026-11-24T09:32:00.123456+00:00",
    "allowed_transitions": ["PREPARING", "CANCELLED"],
}
"""The differences in the example after a status change."""


EDITED = {
    "version": 2,
    "updated_at": "2026-11-24T09:32:00.123456+00:00",
    "delivery": {"lines": ["12 Archway Road"], "postcode": "N19 3TU"},
    "due_at": "2026-11-26T12:00:00+00:00",
    "late": False,
    "note": "Rings twice.",
}
"""The same after an edit."""


RESENT_ORDER = MOVED | {"version": 3, "updated_at": "2026-11-24T10:00:00.123456+00:00"}
"""The same after its notification was sent again."""


UNDONE = {"version": 3, "updated_at": "2026-11-24T09:32:06.123456+00:00"}
"""The same after an undo."""


class OrderStatusChangeResult(Answer):
    """The result of one change: the order, or the problem that a PATCH would have returned."""

    order_id: Id
    status: Annotated[int, Field(description="The HTTP status that a PATCH would have had.")]
    order: Annotated[Order | None, Field(json_schema_extra=never_null)] = None
    problem: Annotated[Problem | None, Field(json_schema_extra=never_null)] = None


class ChangeOrderStatusesResult(Answer):
    """The results in the order of the changes."""

    model_config = example(
        changed=1, refused=0, results=[{"order_id": 1, "status": 200, "order": example_of(Order) | MOVED}]
    )

    changed: int
    refused: int
    results: list[OrderStatusChangeResult]


class DryRunResult(Answer):
    """The outcome that a change would have; nothing was written."""

    model_config = example(
        **{"from": "PENDING"},
        to="CONFIRMED",
        correction=False,
        done_before=False,
        order=example_of(Order) | MOVED,
        effects=["realtime.seller", "realtime.buyer"],
    )

    source: Annotated[StatusName, Field(alias="from")]
    target: Annotated[StatusName, Field(alias="to")]
    correction: Annotated[bool, Field(description="Whether the change reverts an earlier one.")]
    done_before: Annotated[bool, Field(description="Whether the key was already used for this exact change.")]
    order: Annotated[Order, Field(description="The order after the change, with the old `updated_at`.")]
    effects: Annotated[list[str], Field(description="The effects that the change would have.")]


class OrderPage(Answer):
    """A page of orders, newest first."""

    model_config = example(orders=[example_of(Order)], next_cursor=None)

    orders: list[Order]
    next_cursor: Annotated[
        str | None, Field(description="Send it as `cursor` for the next page; null on the last page.")
    ]


FOR_OPERATING = "Only for operators and auditors."


class HistoryEffect(Answer):
    """An effect and its status; operators and auditors also see its destination and its last error."""

    effect: str
    status: Literal["pending", "running", "succeeded", "dead", "discarded", "superseded"]
    destination: Annotated[
        str | None, Field(description=f"{FOR_OPERATING} Set once the effect has a row of its own.")
    ] = None
    attempts: Annotated[int | None, Field(description=f"{FOR_OPERATING} Number of attempts started.")] = None
    error: Annotated[str | None, Field(description=f"{FOR_OPERATING} The last attempt's error.")] = None


class OrderChange(Answer):
    """A change of an order: who made it, when, and why."""

    model_config = example(
        id=1,
        type="order.created",
        version=1,
        from_status=None,
        to_status="PENDING",
        actor={"role": "service", "id": 1},
        reason=None,
        notify=True,
        changed=None,
        at="2026-11-24T09:30:00.123456+00:00",
    )

    id: Id
    type: str
    version: int
    from_status: StatusName | None
    to_status: StatusName
    actor: Actor
    reason: str | None
    notify: Annotated[bool, Field(description="False if the buyer was not notified, as the change asked for.")]
    changed: Annotated[
        list[str] | None,
        Field(description="What an edit changed; empty if a notification was sent again, null for a change of status."),
    ]
    at: datetime
    undo_until: Annotated[
        datetime | None,
        Field(
            description="Until when whoever made this change may undo it, while the order has this version; for a "
            "change with `hold_seconds` only.",
            json_schema_extra=never_null,
        ),
    ] = None
    undoes: Annotated[Id | None, Field(description="The change that this one undid.", json_schema_extra=never_null)] = (
        None
    )


class HistoryEntry(OrderChange):
    """One row of an order's history: a change and its effects."""

    model_config = example(**example_of(OrderChange), effects=[{"effect": "realtime.seller", "status": "succeeded"}])

    effects: list[HistoryEffect]


class OrderCreatedEvent(Event):
    """An order was created."""

    delivered: ClassVar[bool] = True
    type: Literal["order.created"]
    order: Order
    event: OrderChange


class OrderStatusChangedEvent(Event):
    """An order has another status. `order` is the whole order: keep the one with the highest `version`."""

    delivered: ClassVar[bool] = True
    type: Literal["order.status_changed"]
    order: Order
    event: OrderChange


class OrderCorrectedEvent(Event):
    """A change of status was reverted. `order` is the whole order: keep the one with the highest `version`."""

    delivered: ClassVar[bool] = True
    type: Literal["order.corrected"]
    order: Order
    event: OrderChange


class OrderUpdatedEvent(Event):
    """Members of an order were edited: `event.changed` names them. `order` is the whole order, as it is now."""

    delivered: ClassVar[bool] = True
    type: Literal["order.updated"]
    order: Order
    event: OrderChange


class NotificationResentEvent(Event):
    """The notification of the order's status was sent to the buyer again."""

    type: Literal["order.notification_resent"]
    order: Order
    event: OrderChange


class Refusal(Answer):
    """Members of a problem about a change: what the client needs for its next attempt."""

    model_config = example(
        current=example_of(Order), allowed_transitions=["CONFIRMED", "CANCELLED"], changed=example_of(OrderChange)
    )

    current: Annotated[Order, Field(description="The order as it is now.")]
    allowed_transitions: Annotated[list[StatusName], Field(description="The statuses that it may change to.")]
    changed: Annotated[OrderChange | None, Field(description="Its last change: by whom, and when.")]
    statuses: Annotated[
        list[str], Field(description="The statuses of the workflow, if the requested one is not among them.")
    ] = Field(default_factory=list)


class HistoryEntryPage(Answer):
    """A page of the history of an order, oldest first."""

    model_config = example(events=[example_of(HistoryEntry)], next_cursor=None)

    events: list[HistoryEntry]
    next_cursor: Annotated[
        int | None, Field(description="Send it as `cursor` for the next page; null on the last page.")
    ]


class WorkflowStatus(Answer):
    """A status: its label for each side, and how it is shown."""

    name: str
    seller: str
    buyer: str
    tone: str
    icon: str
    closed: Annotated[bool, Field(description="Not open: nothing more happens with the order by itself.")]
    final: Annotated[bool, Field(description="The former name of `closed`.")]
    tracking: bool
    action: str
    lead: str
    due_seconds: Annotated[
        int | None, Field(description="How long after it enters this status an order is due to leave it.")
    ]


class WorkflowTransition(Answer):
    """A transition that the workflow allows."""

    source: Annotated[str, Field(alias="from")]
    target: Annotated[str, Field(alias="to")]
    roles: list[Literal["seller", "buyer", "operator", "service", "system"]]
    reason: bool
    action: str
    after_seconds: Annotated[
        int | None,
        Field(description="After this time in `from`, the service makes this transition by itself."),
    ]
    since: Annotated[
        Literal["first", "last"] | None,
        Field(description="Whether that time begins when the order had the status first or last."),
    ]
    correction: Annotated[bool, Field(description="It reverts an earlier transition, as `order.corrected`.")]
    reopens: Annotated[bool, Field(description="It may leave a closed status, as a correction may.")]
    within_seconds: Annotated[
        dict[str, int],
        Field(
            description="By role: for how long after a transition of its own it may still make this correction. "
            "`allowed_transitions` has what is possible at any time, and therefore leaves such corrections out.",
        ),
    ]


class OrderWorkflow(Answer):
    """The workflow of orders."""

    model_config = example(
        **WORKFLOW | {name: WORKFLOW[name][:1] for name in ("statuses", "transitions")},
    )

    initial: str
    statuses: list[WorkflowStatus]
    transitions: list[WorkflowTransition]
