"""Personal data for operators, over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import orjson
import pydantic
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from access import guards
from access.idempotency import keyed_after
from foundation.contract import Answer, Body, Id, Query, example, typed
from foundation.documentation import documented
from foundation.errors import NotFound
from orders import personal

TAG = {"name": "Personal data", "description": "For operators: what is stored about a buyer, exported and erased."}

routes = APIBlueprint("personal", __name__, abp_tags=[TAG])
guards.protect(routes, "operator")


class PersonalDataQuery(Query):
    """The buyer."""

    buyer_id: Id = pydantic.Field(description="The buyer's id, as in orders.", examples=[1])


class ErasePersonalDataRequest(Body):
    """Whose data to erase, and the reason, which is recorded."""

    model_config = example(buyer_id=1, reason="The buyer has asked for it.")

    buyer_id: Id
    reason: Annotated[str, pydantic.StringConstraints(min_length=1, max_length=500)]


class ErasePersonalDataResult(Answer):
    """Number of erased items by kind."""

    model_config = example(accounts=1, orders=3, reasons=1, messages=4, notifications=9, live_events=12)

    accounts: int
    orders: int
    reasons: int
    messages: int
    notifications: int
    live_events: int


class Stored(Answer):
    """Base of what is exported as it is stored: a version may have columns that are not listed here."""

    model_config = pydantic.ConfigDict(extra="allow")

    id: Id
    created_at: datetime


class StoredAccount(Stored):
    """An account with which the buyer signs in; without its password."""

    email: str
    name: str
    signed_in_at: datetime | None
    disabled_at: datetime | None


class StoredChange(Answer):
    """A row of an order's history."""

    model_config = pydantic.ConfigDict(extra="allow")

    id: Id
    type: str
    version: int
    to_status: str
    reason: str | None
    at: datetime


class StoredOrder(Stored):
    """An order with its history."""

    number: str
    status: str
    buyer_name: str
    buyer_email: str
    history: list[StoredChange]


class StoredMessage(Stored):
    """A message of the conversation of one of the orders."""

    order_id: Id
    body: str


class StoredNotification(Stored):
    """A notification in the buyer's inbox."""

    order_id: Id
    title: str
    body: str
    read_at: datetime | None


class StoredPreferences(Answer):
    """How the buyer chose to be notified."""

    model_config = pydantic.ConfigDict(extra="allow")

    owner: str
    choices: dict[str, dict[str, str]]


class PersonalData(Answer):
    """All data stored about a buyer, as it is stored; orders include their history."""

    model_config = example(
        buyer_id=1,
        accounts=[],
        orders=[
            {
                "id": 1,
                "number": "A-1001",
                "status": "PENDING",
                "buyer_name": "Alice Archer",
                "buyer_email": "alice@example.org",
                "created_at": "2026-11-24T09:30:00.123456+00:00",
                "history": [
                    {
                        "id": 1,
                        "type": "order.created",
                        "version": 1,
                        "to_status": "PENDING",
                        "reason": None,
                        "at": "2026-11-24T09:30:00.123456+00:00",
                    }
                ],
            }
        ],
        messages=[],
        notifications=[],
        preferences=[{"owner": "buyer:1", "choices": {"SHIPPED": {"email": "off"}}}],
    )

    buyer_id: Id
    accounts: list[StoredAccount]
    orders: list[StoredOrder]
    messages: list[StoredMessage]
    notifications: list[StoredNotification]
    preferences: list[StoredPreferences]


@routes.get("/api/ops/personal-data", summary="Export a buyer's personal data", **documented(PersonalData, NotFound))
@typed
def export_personal_data(query: PersonalDataQuery) -> Response:
    """Accounts, orders with their history, messages and notifications, as they are stored."""
    return Response(personal.written(personal.export(query.buyer_id)), content_type="application/json")


@routes.post(
    "/api/ops/personal-data/erase",
    summary="Erase a buyer's personal data",
    **documented(ErasePersonalDataResult, NotFound),
)
@typed
@keyed_after(lambda body: personal.take_out(body.buyer_id))
def erase_personal_data(body: ErasePersonalDataRequest, done: dict[str, int]) -> Response:
    """Names, addresses, reasons, messages and accounts are erased for good; orders and their history rows remain.

    It runs in chunks. If it is interrupted, what was erased stays erased; repeating the request continues it.
    """
    erased = personal.end(body.buyer_id, guards.actor(), body.reason, done)
    return Response(orjson.dumps(erased), content_type="application/json")
