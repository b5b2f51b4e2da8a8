"""Errors of a change of an order, beyond those of any request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from foundation.contract import example_of
from foundation.errors import AppError, ServiceUnavailable
from orders.answers import Refusal


class IllegalTransition(AppError):
    """The workflow does not allow this transition from the order's current status, or not for this role."""

    code, status = "illegal_transition", 409
    sentence = "A seller cannot move this order from PENDING to DELIVERED."
    extension = Refusal
    example: ClassVar[Mapping[str, Any]] = example_of(Refusal)


class StaleVersion(AppError):
    """The order has changed since the version in If-Match."""

    code, status = "stale_version", 412
    sentence = "The order is at version 1, not 7."
    extension = Refusal
    example: ClassVar[Mapping[str, Any]] = example_of(Refusal)


class NotUndoable(AppError):
    """The order's last change cannot be undone: it was not held, its hold has ended, or it is somebody else's."""

    code, status = "not_undoable", 409
    sentence = "The hold has ended: e-mails and receivers are on their way."
    extension = Refusal
    example: ClassVar[Mapping[str, Any]] = example_of(Refusal)


class DuplicateNumber(AppError):
    """The seller already has an order with this number."""

    code, status = "duplicate_number", 409
    sentence = "The seller already has an order with number A-1001."


class DuplicateExternalId(AppError):
    """Another order has this external id."""

    code, status = "duplicate_external_id", 409
    sentence = "Another order has this external_id."


class NotEditable(AppError):
    """The order can no longer be edited by its buyer: it was shipped, or is closed."""

    code, status = "not_editable", 409
    sentence = "The order was shipped, or is closed: ask the shop."
    extension = Refusal
    example: ClassVar[Mapping[str, Any]] = example_of(Refusal)


class NothingToResend(AppError):
    """The order's status has no notification for the buyer, or the last one is still being sent."""

    code, status = "nothing_to_resend", 409
    sentence = "The status PENDING has no notification for the buyer."


class BuyerErased(AppError):
    """The buyer's personal data were erased: nothing that would identify the buyer is stored again."""

    code, status = "buyer_erased", 409
    sentence = "The buyer's personal data were erased."


class OrderLocked(ServiceUnavailable):
    """The order was locked for longer than a change waits, 2 s; try again later."""

    code = "order_locked"
    sentence = "The order is locked by another transaction. Nothing was changed."
