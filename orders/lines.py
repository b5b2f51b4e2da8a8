"""The lines of an order: items, and what else adds up to what was paid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, WithJsonSchema, field_validator

from foundation.contract import WHOLE, Body, never_null
from foundation.one_line import Code, Line
from orders.money import line_minor

MOST_MONEY = 10**15
Money = Annotated[int, Field(ge=0, le=MOST_MONEY, description="In the currency's minor units: cents, or whole yen.")]

LARGEST_QUANTITY, LARGEST_PRICE = 10**6, 10**9


def _in_thousandths(value: object) -> object:
    """The value itself, as an integer where it is whole; raises ValueError for more than three decimals."""
    if not isinstance(value, float) or not abs(value) <= LARGEST_QUANTITY:
        return value
    if round(value, 3) != value:
        raise ValueError("must not have more than three decimals")
    return int(value) if value.is_integer() else value


Quantity = Annotated[
    int | float,
    Field(gt=0, le=LARGEST_QUANTITY, description="With up to three decimals."),
    BeforeValidator(_in_thousandths),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": LARGEST_QUANTITY}),
]


class OrderItem(Body):
    """One line of an order. Its amount is quantity × price, rounded half away from zero to whole minor units."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"kind": {"const": "discount"}}, "required": ["kind"]},
            "then": {"properties": {"unit_price_minor": {"maximum": 0}}},
            "else": {"properties": {"unit_price_minor": {"minimum": 0}}},
        }
    )

    kind: Literal["item", "discount", "shipping", "tax", "tip"] = "item"
    sku: Code | None = Field(None, json_schema_extra=never_null)
    title: Line
    quantity: Quantity
    unit_price_minor: Annotated[
        int,
        Field(ge=-LARGEST_PRICE, le=LARGEST_PRICE, description="Negative for a discount, and for nothing else."),
        WHOLE,
    ]

    @field_validator("unit_price_minor")
    @classmethod
    def _signed(cls, price: int, info: ValidationInfo) -> int:
        discount = info.data.get("kind") == "discount"
        if price and discount != (price < 0):
            raise ValueError("a discount has a negative price" if discount else "only a discount has a negative price")
        return price


def cost_of(items: Sequence[OrderItem]) -> int:
    """What these lines add up to, in minor units."""
    return sum(line_minor(item.quantity, item.unit_price_minor) for item in items)


def stored(items: Sequence[OrderItem]) -> list[dict[str, Any]]:
    """The lines as they are stored: each says only what is not usual, as lines did before they had kinds."""
    return [
        {name: value for name, value in item.model_dump(exclude_none=True).items() if (name, value) != ("kind", "item")}
        for item in items
    ]
