"""Tracking links, with which a buyer without an account follows one order, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import orjson
import pydantic
from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint

from access import guards, revocations
from access.idempotency import keyed, keyed_secretly
from access.schemas import RevocationResult
from access.tracking_links import LONGEST_DAYS, REPLY, USUAL_DAYS, TrackingLinks, subject
from foundation.contract import WHOLE, Answer, Body, OrderPath, example, typed
from foundation.documentation import documented
from foundation.errors import Forbidden, InvalidRequest
from orders import queries
from orders.workflow import Workflow


class CreateTrackingLinkRequest(Body):
    """The validity of the link, and what its reader may do as the order's buyer; nothing unless it is said here."""

    model_config = example(days=USUAL_DAYS, reply=True, statuses=["CANCELLED"])

    days: Annotated[int, pydantic.Field(ge=1, le=LONGEST_DAYS), WHOLE] = USUAL_DAYS
    reply: Annotated[bool, pydantic.Field(description="Read the conversation, and write in it.")] = False
    statuses: Annotated[
        list[Annotated[str, pydantic.StringConstraints(max_length=50)]],
        pydantic.Field(
            default_factory=list,
            max_length=20,
            description="Statuses to which the order may be moved, where the workflow lets its buyer.",
        ),
    ]


class TrackingLink(Answer):
    """Anyone with the link can read this one order, until it expires or is revoked."""

    model_config = example(
        url="http://127.0.0.1:8000/t/WzEsMSwxNzY0MDYzMDAwLjAsMTc2NjY1NTAwMC4wXQ.3q2-7w",
        expires_at="2026-12-24T09:30:00+00:00",
    )

    url: str
    expires_at: datetime


class RevokeTrackingLinksRequest(Body):
    """The reason for revoking the order's links."""

    model_config = example(reason="It was sent to the wrong address.")

    reason: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=500)]


def blueprint(links: TrackingLinks, workflow: Workflow) -> APIBlueprint:
    """Creating and revoking tracking links."""
    routes = APIBlueprint("tracking", __name__, abp_tags=[{"name": "Orders"}])
    guards.protect(routes, "buyer", "seller", "operator", "service", area="orders")

    @routes.post(
        "/api/orders/<int:order_id>/tracking-links",
        summary="Create a tracking link",
        **documented(TrackingLink, status=201),
    )
    @typed
    @keyed_secretly
    def create_tracking_link(path: OrderPath, body: CreateTrackingLinkRequest) -> Response:
        """For buyers without an account. The page shows status, history, items and tracking, and is read-only unless
        the link allows more. A link created with an API key expires with it."""
        parties = queries.parties(guards.current(), path.order_id)
        url, ends = links.make(path.order_id, parties.buyer_id, body.days, guards.current(), _rights(workflow, body))
        link = {"url": url, "expires_at": datetime.fromtimestamp(int(ends), UTC)}
        return Response(orjson.dumps(link), 201, content_type="application/json")

    @routes.post(
        "/api/orders/<int:order_id>/tracking-links/revoke",
        summary="Revoke all tracking links of an order",
        **documented(RevocationResult, shown={"revoked": "order:1"}),
    )
    @typed
    @keyed
    def revoke_tracking_links(path: OrderPath, body: RevokeTrackingLinksRequest) -> Response:
        """All links created until now; every process refuses them within a second."""
        queries.parties(guards.current(), path.order_id)
        revocations.revoke(subject(path.order_id), guards.actor(), body.reason)
        return jsonify(revoked=subject(path.order_id))

    return routes


def _rights(workflow: Workflow, body: CreateTrackingLinkRequest) -> list[str]:
    """What the link allows; raises Forbidden if its maker may not hand that out: whoever makes a link can use it."""
    maker = guards.current()
    if body.reply:
        maker.permit("chat", reading=False)
    if maker.role == "seller" and (body.reply or body.statuses):
        raise Forbidden("A seller's links are read-only: with one that allows more, a seller could act as the buyer.")
    return [*_reachable(workflow, body.statuses), *([REPLY] if body.reply else [])]


def _reachable(workflow: Workflow, statuses: list[str]) -> list[str]:
    """These statuses, each once; raises InvalidRequest if buyers never move an order to one of them."""
    for status in statuses:
        if not any(status in workflow.targets(source, "buyer") for source in workflow.statuses):
            why = f"{status} is no status to which a buyer may move an order"
            raise InvalidRequest(f"statuses: {why}.", {"errors": [{"field": "statuses", "message": why}]})
    return sorted(set(statuses))
