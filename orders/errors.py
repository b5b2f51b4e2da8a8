"""Errors of a change of an order, beyond those of any request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from foundation.contract import example_of
from foundation.errors import AppError, ServiceUnavailable
from orders.answers import HistoryEntry, Order

LAST_CHANGE = {name: value for name, value in example_of(HistoryEntry).items() if name != "effects"}
CURRENT = {
    "current": example_of(Order),
    "allowed_transitions": ["CONFIRMED", "CANCELLED"],
    "changed": LAST_CHANGE,
}
"""Members of a refusal: the current order, the statuses it may change to, and who changed it last, and when."""


class IllegalTransition(AppError):
    """The workflow does not allow this transition from the order's current status, or not for this role."""

    code, status = "illegal_transition", 409
    sentence = "A seller cannot move this order from PENDING to DELIVERED."
    example: ClassVar[Mapping[str, Any]] = CURRENT


class StaleVersion(AppError):
    """The order has changed since the version in If-Match."""

    code, status = "stale_version", 412
    sentence = "The order is at version 1, not 7."
    example: ClassVar[Mapping[str, Any]] = CURRENT


class DuplicateNumber(AppError):
    """The seller already has an order with this number."""

    code, status = "duplicate_number", 409
    sentence = "The seller already has an order with number A-1001."


class OrderLocked(ServiceUnavailable):
    """The order was locked for longer than a change waits, 2 s; try again later."""

    code = "order_locked"
    sentence = "The order is locked by another transaction. Nothing was changed."
