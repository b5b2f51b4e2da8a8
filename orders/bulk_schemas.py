"""Requests and responses about bulk changes, as pydantic models."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import pydantic
from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from foundation.contract import LARGEST_ID, WHOLE, Answer, Body, Id, Query, example, example_of, never_null
from orders.answers import StatusName
from orders.bulk_changes import LISTED, MOST_ORDERS, BulkChange
from orders.list_schemas import OrderFilters
from orders.schemas import STATUSES

TO_CONFIRM: dict[str, Any] = {"status": "PENDING"}

JobState = Literal["running", "stopping", "stopped", "done"]
JobResult = Literal["changed", "skipped", "waiting"]


class StartBulkChangeRequest(Body):
    """Which orders, either those that match or some by their ids, and what is to become of them."""

    model_config = pydantic.ConfigDict(
        json_schema_extra={
            "examples": [
                {"filters": TO_CONFIRM, "expected": 146, "status": "CONFIRMED"},
                {"order_ids": [1], "status": "CONFIRMED"},
            ],
            "oneOf": [{"required": ["filters", "expected"]}, {"required": ["order_ids"]}],
        }
    )

    most_bytes = 256 * 1024

    status: Annotated[
        str,
        StringConstraints(max_length=50),
        Field(description="The status that each of them is to get.", examples=STATUSES),
    ]
    reason: (
        Annotated[
            str,
            StringConstraints(strip_whitespace=True, max_length=1000),
            Field(description="The reason for each of the changes; some transitions require it."),
        ]
        | None
    ) = None
    notify: Annotated[
        bool, Field(description="As in a single change: with `false` the buyers get no notification and no e-mail.")
    ] = True
    expected: Annotated[
        int | None,
        Field(
            ge=1,
            le=MOST_ORDERS,
            description="How many orders you have seen to match; if they are more by now, nothing is done.",
            json_schema_extra=never_null,
        ),
        WHOLE,
    ] = None
    filters: Annotated[
        OrderFilters | None,
        Field(description="As the parameters of `GET /api/orders`.", json_schema_extra=never_null),
    ] = None
    order_ids: Annotated[
        list[Id] | None,
        Field(min_length=1, max_length=MOST_ORDERS, validate_default=True, json_schema_extra=never_null),
    ] = None

    @field_validator("order_ids")
    @classmethod
    def _one_of_them(cls, ids: list[int] | None, info: ValidationInfo) -> list[int] | None:
        filters = info.data.get("filters")
        if "filters" in info.data and (filters is None) == (ids is None):
            raise ValueError("Input should have either filters or order_ids")
        if (filters is None) != (info.data.get("expected") is None):
            raise ValueError("Input should have expected with filters, and with them only")
        return ids

    def wanted(self) -> BulkChange:
        """The same for the job."""
        return BulkChange(
            self.status,
            self.reason,
            self.notify,
            self.filters.filters() if self.filters else None,
            self.filters.model_dump(mode="json", exclude_unset=True) if self.filters else None,
            self.expected,
            tuple(self.order_ids or ()),
        )


class BulkChangePath(pydantic.BaseModel):
    """A bulk change."""

    bulk_change_id: Annotated[Id, Field(description="The bulk change's id.", examples=[1])]


class BulkResultsQuery(Query):
    """By order; `cursor` is the `next_cursor` of the previous page."""

    result: JobResult | None = Field(None, description="Only orders with this result.", examples=["skipped"])
    cursor: Annotated[
        int, Field(ge=0, le=LARGEST_ID, description="`next_cursor` of the previous page.", examples=[0])
    ] = 0
    limit: Annotated[int, Field(ge=1, le=200, description="Orders per page.", examples=[50])] = 50


class BulkChangeJob(Answer):
    """A bulk change, and how far it is."""

    model_config = example(
        id=1,
        state="running",
        status="CONFIRMED",
        reason=None,
        notify=True,
        filters=TO_CONFIRM,
        total=146,
        changed=80,
        skipped=2,
        created_at="2026-11-24T09:30:00.123456+00:00",
        finished_at=None,
    )

    id: Id
    state: Annotated[
        JobState, Field(description="`stopped` if it ended before every order had a result, otherwise `done`.")
    ]
    status: StatusName
    reason: str | None
    notify: bool
    filters: Annotated[
        OrderFilters | None,
        Field(description="Null if the orders were named, or once the buyer of one of them was erased."),
    ]
    total: int
    changed: int
    skipped: int
    created_at: datetime
    finished_at: datetime | None


class BulkChangeState(Answer):
    """A bulk change without what people wrote for it: the response is stored with its key."""

    model_config = example(id=1, state="running", total=146, changed=0, skipped=0)

    id: Id
    state: JobState
    total: int
    changed: int
    skipped: int


class BulkChangeList(Answer):
    """Bulk changes, the newest first."""

    model_config = example(bulk_changes=[example_of(BulkChangeJob)])

    bulk_changes: Annotated[list[BulkChangeJob], Field(max_length=LISTED)]


class BulkChangeResult(Answer):
    """What has become of one order."""

    model_config = example(
        order_id=1,
        number="A-1001",
        result="skipped",
        code="illegal_transition",
        detail="A seller cannot move this order from CANCELLED to SHIPPED.",
        order_status="CANCELLED",
    )

    order_id: Id
    number: Annotated[str | None, Field(description="Null if there is no such order.")]
    result: JobResult
    code: Annotated[str | None, Field(description="Of the problem that a PATCH would have returned, with `detail`.")]
    detail: str | None
    order_status: Annotated[str | None, Field(description="The status that the order had when it was skipped.")]


class BulkChangeResultPage(Answer):
    """A page of results."""

    model_config = example(orders=[example_of(BulkChangeResult)], next_cursor=None)

    orders: list[BulkChangeResult]
    next_cursor: Annotated[
        int | None, Field(description="Send it as `cursor` for the next page; null on the last page.")
    ]
