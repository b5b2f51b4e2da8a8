"""What followed from an event of an order, over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import Field

from access import guards
from foundation.contract import Answer, Id, OrderPath, Query, example, typed
from foundation.documentation import documented
from foundation.errors import NotFound
from orders.answers import Actor, StatusName
from orders.explanation.causes import CAUSES, Explained
from orders.explanation.tree import Explainer, Explanation

AT = "2026-11-24T09:32:00.123456+00:00"
EXAMPLE_NODE = {
    "kind": "email",
    "to": "buyer:1",
    "effect": "email.status",
    "state": "skipped",
    "cause": "seen",
    "reason": CAUSES["seen"],
    "error": "",
    "at": AT,
    "id": 17,
    "attempts": 0,
    "seen_at": None,
    "children": [],
}


class ExplainQuery(Query):
    """Which event."""

    event: Annotated[
        Id | None, Field(description="The event's id, as in the history; the latest one without it.", examples=[2])
    ] = None


class ExplainedEvent(Answer):
    """The event that is explained."""

    id: Id
    type: str
    version: int
    from_status: StatusName | None
    to_status: StatusName
    at: datetime
    request_id: str
    actor: Actor


class ExplainedNode(Answer):
    """One thing that followed from the event, or that did not, with why."""

    kind: Annotated[
        str,
        Field(
            description="`change`, `live`, `reader`, `inbox`, `email`, `signal`, `receiver`, `message`, `webhook`, "
            "`attempt`, `timer`, or `effect` for one that the marketplace has added."
        ),
    ]
    to: Annotated[
        str,
        Field(
            description="For whom: `buyer:1`, `person:12`, `webhook:3`, the name of a receiver; empty if it is for "
            "nobody in particular."
        ),
    ]
    effect: Annotated[str, Field(description="The effect, as the history names it; empty if it is none.")]
    state: Literal["done", "waiting", "failed", "skipped", "unknown"]
    cause: Annotated[
        str, Field(description="The one cause of the state; docs/http.md lists them, and new ones may be added.")
    ]
    reason: Annotated[str, Field(description="The cause in a sentence.")]
    error: Annotated[
        str, Field(description="What the last attempt, the circuit or an operator has left; empty if nothing.")
    ]
    at: Annotated[datetime | None, Field(description="When it was done or ended, or until when it waits.")]
    id: Annotated[
        int | None, Field(description="Of the side effect, notification, message or attempt, if it has a row.")
    ]
    attempts: Annotated[int, Field(description="How many attempts were begun; of an attempt, which it was.")]
    seen_at: datetime | None
    children: list[ExplainedNode]


class OrderExplanation(Answer):
    """One tree from the request that made the change to everything that followed from it, and what did not."""

    model_config = example(
        order_id=1,
        event={
            "id": 2,
            "type": "order.status_changed",
            "version": 2,
            "from_status": "PENDING",
            "to_status": "CONFIRMED",
            "at": AT,
            "request_id": "7f3c2a9d51e84b06",
            "actor": {"role": "seller", "id": 1},
        },
        tree={
            **EXAMPLE_NODE,
            "kind": "change",
            "to": "",
            "effect": "",
            "state": "done",
            "cause": "committed",
            "reason": CAUSES["committed"],
            "id": 2,
            "children": [EXAMPLE_NODE],
        },
    )

    order_id: Id
    event: ExplainedEvent
    tree: ExplainedNode


def blueprint(explainer: Explainer) -> APIBlueprint:
    """The route, for those who answer "why did I not get an e-mail?"."""
    routes = APIBlueprint("explain", __name__, abp_tags=[{"name": "Orders"}])
    guards.protect(routes, "operator", "auditor", area="orders")

    @routes.get(
        "/api/orders/<int:order_id>/explain",
        summary="Explain what followed from an event",
        **documented(OrderExplanation, NotFound),
    )
    @typed
    def explain_order(path: OrderPath, query: ExplainQuery) -> Response:
        """For operators and auditors: one tree from the request to each effect, attempt, stream, e-mail, notification,
        delivery and message, and to whoever was not notified, each with its one cause."""
        found = as_answer(explainer.explain(path.order_id, query.event))
        return Response(orjson.dumps(found), content_type="application/json")

    return routes


def as_answer(explanation: Explanation) -> dict[str, Any]:
    """The explanation in the form of OrderExplanation."""
    event = explanation.event
    members = ("id", "type", "version", "from_status", "to_status", "at", "request_id")
    return {
        "order_id": event["order_id"],
        "event": {name: event[name] for name in members} | {"actor": orjson.loads(event["actor"])},
        "tree": _as_node(explanation.root),
    }


def _as_node(node: Explained) -> dict[str, Any]:
    ruling = node.ruling
    return {
        "kind": node.kind,
        "to": node.to,
        "effect": node.effect,
        "state": ruling.state,
        "cause": ruling.cause,
        "reason": CAUSES[ruling.cause],
        "error": ruling.error,
        "at": ruling.at,
        "id": node.id,
        "attempts": node.attempts,
        "seen_at": node.seen_at,
        "children": [_as_node(one) for one in node.children],
    }
