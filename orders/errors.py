"""What can be wrong with a change of an order, beyond what can be wrong with any request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from foundation.contract import example_of
from foundation.errors import AppError, ServiceUnavailable
from orders.answers import EventOut, OrderOut

LAST_CHANGE = {name: value for name, value in example_of(EventOut).items() if name != "effects"}
CURRENT = {
    "current": example_of(OrderOut),
    "allowed_transitions": ["CONFIRMED", "CANCELLED"],
    "changed": LAST_CHANGE,
}
"""What a refusal tells beside the reason: the order as it is, where it may go, and who changed it last, and when."""


class IllegalTransition(AppError):
    """The order cannot move to that status from where it is, or not by this role."""

    code, status = "illegal_transition", 409
    sentence = "A seller cannot move this order from PENDING to DELIVERED."
    example: ClassVar[Mapping[str, Any]] = CURRENT


class StaleVersion(AppError):
    """The order has changed since the version that the caller named in If-Match."""

    code, status = "stale_version", 412
    sentence = "The order is at version 1, not 7."
    example: ClassVar[Mapping[str, Any]] = CURRENT


class DuplicateNumber(AppError):
    """This seller has an order with that number already."""

    code, status = "duplicate_number", 409
    sentence = "The seller has an order number A-1001 already."


class OrderLocked(ServiceUnavailable):
    """Something else kept the order locked for as long as a change waits, 2 s; a later try is welcome."""

    code = "order_locked"
    sentence = "Something else keeps this order locked. Nothing was changed."
