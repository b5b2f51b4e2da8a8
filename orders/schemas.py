"""Requests about orders, as pydantic models: the source of the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from foundation.contract import LARGEST_ID, WHOLE, Body, Headers, Id, Query, example
from foundation.errors import InvalidRequest
from foundation.one_line import SHOWN, Line
from orders.conditions import KEY, TAG_OR_ANY, version
from orders.details import Details, EmailAddress, Tracking
from orders.lines import MOST_MONEY, OrderItem, cost_of
from orders.workflow_file import BUILT_IN

STATUSES = list(BUILT_IN.statuses)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be printable characters")
    return text


Number = Annotated[
    str,
    StringConstraints(min_length=1, max_length=40, strip_whitespace=True),
    AfterValidator(_printable),
    SHOWN,
]
"""As shops print them: `#1001`, `SO/2024/00001`. What is not printable, such as a zero-width space, is refused: two
numbers could look alike."""


def bare(number: str) -> str:
    """An order's number without the `#` that is shown before it, and that some shops' numbers begin with."""
    return number.lstrip("#")


class CreateOrderRequest(Details):
    """An order to create."""

    model_config = example(
        seller_id=1,
        buyer_id=1,
        number="A-1001",
        currency="EUR",
        buyer_name="Alice Archer",
        buyer_email="alice@example.org",
        items=[{"sku": "MUG-1", "title": "Blue mug", "quantity": 2, "unit_price_minor": 1250}],
    )

    seller_id: Id
    buyer_id: Id
    number: Number | None = Field(
        None, description="The seller's own order number, unique per seller; defaults to the id."
    )
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    buyer_name: Line
    buyer_email: EmailAddress
    items: Annotated[list[OrderItem], Field(min_length=1, max_length=200)]
    total_minor: Annotated[int, Field(ge=0, le=MOST_MONEY), WHOLE] | None = Field(
        None, description="What was paid: if given, the order is refused unless its lines add up to it."
    )

    @property
    def cost(self) -> int:
        """What the lines add up to, in minor units."""
        return cost_of(self.items)

    @field_validator("items")
    @classmethod
    def _exact(cls, items: list[OrderItem]) -> list[OrderItem]:
        """JavaScript has no exact numbers above 2^53."""
        if not 0 <= cost_of(items) <= MOST_MONEY:
            raise ValueError(f"the total must lie between 0 and {MOST_MONEY:,} minor units")
        return items

    @field_validator("total_minor")
    @classmethod
    def _paid(cls, total: int | None, info: ValidationInfo) -> int | None:
        if total is not None and "items" in info.data and total != (cost := cost_of(info.data["items"])):
            raise InvalidRequest(f"total_minor: the lines add up to {cost}.")
        return total


class EditOrderRequest(Details):
    """The members to change; those that are not given stay as they are."""

    model_config = example(
        delivery={"lines": ["12 Archway Road"], "postcode": "N19 3TU"},
        note="Rings twice.",
        due_at="2026-11-26T12:00:00Z",
    )

    buyer_name: Line = Field(default_factory=str)
    buyer_email: EmailAddress = Field(default_factory=str)

    @model_serializer(mode="wrap")
    def _as_sent(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """With the members that were given only: null removes one, and no value leaves it as it is."""
        return {name: value for name, value in write(self).items() if name in self.model_fields_set}


class ChangeOrderStatusRequest(Body):
    """The requested status change."""

    model_config = example(status="CONFIRMED")

    status: Annotated[
        str,
        StringConstraints(max_length=50),
        Field(description="A status of the workflow that is allowed next.", examples=STATUSES),
    ]
    reason: (
        Annotated[
            str,
            StringConstraints(strip_whitespace=True, max_length=1000),
            Field(description="The reason; some transitions require it. The other side sees it."),
        ]
        | None
    ) = None
    tracking: Annotated[Tracking, Field(description="Tracking data; only for statuses that allow it.")] | None = None
    notify: Annotated[
        bool,
        Field(
            description="With `false` the buyer gets no notification and no e-mail, only live events. For operators "
            "and services, and for corrections by anybody."
        ),
    ] = True
    hold_seconds: Annotated[
        int,
        Field(
            ge=0,
            le=60,
            description="How long e-mails and receivers wait, after the change itself was made; if it is corrected "
            "meanwhile, they are not sent.",
        ),
        WHOLE,
    ] = 0


def _key_field(description: str) -> Any:
    return Field(
        alias="Idempotency-Key",
        description=description,
        examples=["7f3c2a9d-51e8"],
        json_schema_extra={"minLength": 1, "pattern": f"^({KEY.pattern})$"},
    )


class KeyedHeaders(Headers):
    """Headers that make a request safe to repeat."""

    idempotency_key: Annotated[
        str,
        _key_field(
            "Makes the request safe to repeat: it is applied once and answered the same each time. Stored for ever."
        ),
    ] = ""


def _names_a_version(if_match: str) -> str:
    version(if_match)
    return if_match


IfMatch = Annotated[
    str,
    AfterValidator(_names_a_version),
    Field(
        alias="If-Match",
        description="The ETag of the order as last read; the change is refused if the order has a later version.",
        examples=['"1"'],
        json_schema_extra={"minLength": 1, "pattern": f"^({TAG_OR_ANY})$"},
    ),
]


class ChangeHeaders(KeyedHeaders):
    """How a change is made conditional and idempotent, and what to wait for."""

    if_match: IfMatch = ""
    prefer: Annotated[
        str,
        Field(
            alias="Prefer",
            description="`wait=N` delays the response for up to N seconds, at most 30, until all effects are done.",
            examples=["wait=5"],
        ),
    ] = ""


class DryRunHeaders(Headers):
    """The conditions that the change would have."""

    idempotency_key: Annotated[
        str,
        _key_field(
            "The key that the change would have; the result says whether it was used already. It is not stored."
        ),
    ] = ""
    if_match: IfMatch = ""


class ChangeQuery(Query):
    """A change has no parameters. `dry_run` was one in earlier versions: who still sends it must not change anything,
    and learns what to send instead."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_dry_run(cls, given: dict[str, Any]) -> dict[str, Any]:
        if "dry_run" in given:
            why = "A dry run is an operation of its own: POST /api/orders/{order_id}/status/dry-run"
            raise InvalidRequest(f"{why}. Nothing was changed.", {"errors": [{"field": "dry_run", "message": why}]})
        return given


class OrderStatusChange(ChangeOrderStatusRequest):
    """One change of a batch: the order, its new status, and what a PATCH would send as headers."""

    model_config = example(order_id=1, status="CONFIRMED")

    order_id: Id
    version: (
        Annotated[
            int,
            Field(ge=1, le=2**31 - 1, description="The version that the order must have, as in If-Match."),
            WHOLE,
        ]
        | None
    ) = None
    idempotency_key: Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,200}$")] | None = None


class ChangeOrderStatusesRequest(Body):
    """Up to 500 changes; each is made or refused independently, changes of one order in the given order."""

    model_config = example(changes=[{"order_id": 1, "status": "CONFIRMED"}])

    most_bytes = 1024 * 1024

    changes: Annotated[list[OrderStatusChange], Field(min_length=1, max_length=500)]


class HistoryQuery(Query):
    """Oldest first; `cursor` is the `next_cursor` of the previous page."""

    cursor: Annotated[
        int, Field(ge=0, le=LARGEST_ID, description="`next_cursor` of the previous page.", examples=[0])
    ] = 0
    limit: Annotated[int, Field(ge=1, le=200, description="Events per page.", examples=[200])] = 200
