"""Why somebody was notified of an event, or was not, over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import orjson
from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import Field

from access import guards
from foundation.contract import Answer, Id, OrderPath, Query, example, typed
from foundation.documentation import documented
from foundation.errors import NotFound
from orders import explain
from orders.answers import StatusName
from orders.workflow import Workflow

AT = "2026-11-24T09:32:00.123456+00:00"


class ExplainQuery(Query):
    """Which event."""

    event: Annotated[
        Id | None, Field(description="The event's id, as in the history; the latest one without it.", examples=[2])
    ] = None


class ExplainedEvent(Answer):
    """An event of the history."""

    id: Id
    type: str
    version: int
    to_status: StatusName
    at: datetime


class ExplainedWay(Answer):
    """One person and way."""

    side: Literal["buyer", "seller"]
    recipient: Annotated[str, Field(description="Whose preferences count.", examples=["buyer:1"])]
    way: Literal["inbox", "email"]
    state: Literal["sent", "waiting", "not_sent", "failed"]
    rule: Annotated[
        str,
        Field(
            description="Which rule said so: `table`, `preference`, `critical`, `quiet_hours`, `unless_seen`, "
            "`digest`, `seen`, `moved_on`, `erased`, `own`, `silent`, `edit`, `reverted`, "
            "`retry`, `failed`, `due`, `no_mail_server`."
        ),
    ]
    reason: str
    at: Annotated[datetime | None, Field(description="When it was sent, or until when it waits.")]
    seen_at: datetime | None


class OrderExplanation(Answer):
    """Who was notified of an event."""

    model_config = example(
        order_id=1,
        event={"id": 2, "type": "order.status_changed", "version": 2, "to_status": "CONFIRMED", "at": AT},
        notified=[
            {
                "side": "buyer",
                "recipient": "buyer:1",
                "way": "email",
                "state": "not_sent",
                "rule": "seen",
                "reason": "seen before it was due",
                "at": AT,
                "seen_at": None,
            }
        ],
    )

    order_id: Id
    event: ExplainedEvent
    notified: list[ExplainedWay]


def blueprint(workflow: Workflow) -> APIBlueprint:
    """The route, for those who answer "why did I not get an e-mail?"."""
    routes = APIBlueprint("explain", __name__, abp_tags=[{"name": "Orders"}])
    guards.protect(routes, "operator", "auditor", area="orders")

    @routes.get(
        "/api/orders/<int:order_id>/explain",
        summary="Explain who was notified of an event",
        **documented(OrderExplanation, NotFound),
    )
    @typed
    def explain_order(path: OrderPath, query: ExplainQuery) -> Response:
        """For each side and way: sent when, waiting until when, or not sent, and which rule said so."""
        found = explain.explain(workflow.notices, path.order_id, query.event)
        return Response(orjson.dumps(found), content_type="application/json")

    return routes
