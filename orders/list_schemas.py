"""Requests and responses about lists of orders, as pydantic models."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from foundation.contract import Answer, Id, Moment, Query, example, example_of
from foundation.documentation import REQUEST_ID
from foundation.logs import PLAIN_REQUEST_ID
from orders.answers import StatusName
from orders.filters import Filters
from orders.listing import CURSOR, Wanted
from orders.schemas import STATUSES, Number


class OrderFilters(Query):
    """Which orders; filters add up."""

    status: Annotated[
        str,
        StringConstraints(max_length=1000),
        Field(description="One status, or several, comma-separated.", examples=[",".join(STATUSES[:2])]),
    ] = ""
    number: Number | None = Field(None, description="Exact order number.", examples=["A-1001"])
    seller_id: Id | None = Field(None, description="Id of the seller.", examples=[1])
    buyer_id: Id | None = Field(None, description="Id of the buyer.", examples=[1])
    placed_from: Moment | None = Field(
        None,
        description="Created at this time or later; UTC if no time zone is given.",
        examples=["2026-11-24T00:00:00Z"],
    )
    placed_until: Moment | None = Field(
        None, description="Created before this time.", examples=["2026-11-25T00:00:00Z"]
    )
    q: Annotated[str, StringConstraints(max_length=100)] | None = Field(
        None,
        description="Search terms: each must begin a word of the number, the buyer's name, a tracking number, an "
        "item's SKU or title, the external id or a tag, or be the buyer's e-mail address. "
        "Accents and case do not matter.",
        examples=["alice"],
    )
    tag: Annotated[str, StringConstraints(min_length=1, max_length=40)] | None = Field(
        None, description="A tag that the order has, whatever its accents and case.", examples=["gift"]
    )
    late: bool | None = Field(
        None, description="Whether the order is open and should have left its status by now.", examples=[True]
    )
    request_id: Annotated[str, StringConstraints(pattern=f"^{PLAIN_REQUEST_ID.pattern}$")] | None = Field(
        None,
        description="`X-Request-ID` of the response to a request that changed the order.",
        examples=[REQUEST_ID],
    )

    def filters(self) -> Filters:
        """The same for the list."""
        return Filters(**self._values())  # type: ignore[arg-type]

    def _values(self) -> dict[str, object]:
        values = {name: getattr(self, name) for name in OrderFilters.model_fields if name not in ("status", "q")}
        return {
            "statuses": tuple(self.status.split(",")) if self.status else (),
            "terms": (self.q or "").strip() or None,
            **values,
        }


class SortedOrderFilters(OrderFilters):
    """Which orders, and in which order."""

    sort: Literal["newest", "oldest", "number", "total", "updated", "due"] = Field(
        "newest",
        description="By creation; by number (operators and services must then give a seller); by total, the largest "
        "first; by the last change, the latest first; or open orders by when they are due.",
        examples=["newest"],
    )

    def wanted(self) -> Wanted:
        """The same for the list."""
        return Wanted(**self._values(), sort=self.sort)  # type: ignore[arg-type]


class OrdersQuery(SortedOrderFilters):
    """Filters and sorting of your orders. Filters add up; the next page is in `next_cursor` and in `Link`."""

    limit: Annotated[int, Field(ge=1, le=200, description="Orders per page.", examples=[50])] = 50
    cursor: Annotated[str, StringConstraints(max_length=120)] = Field(
        "",
        description="The next_cursor of the previous page, with all other parameters unchanged.",
        examples=["1001"],
        json_schema_extra={"pattern": f"^({CURSOR.pattern})?$"},
    )

    def wanted(self) -> Wanted:
        """The same for the list."""
        return replace(super().wanted(), cursor=self.cursor, limit=self.limit)


class OrderCount(Answer):
    """The number of orders in one status."""

    model_config = example(status="PENDING", count=17, more=False)

    status: StatusName
    count: Annotated[int, Field(ge=0, le=1000)]
    more: Annotated[bool, Field(description="Whether there are more than `count`: counting stops at 1,000.")]


class OrderCountList(Answer):
    """Counts by status, in the order of the workflow."""

    model_config = example(counts=[example_of(OrderCount)])

    counts: list[OrderCount]
