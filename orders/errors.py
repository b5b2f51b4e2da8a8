"""What can be wrong with a change of an order, beyond what can be wrong with any request."""

from __future__ import annotations

from foundation.errors import AppError


class IllegalTransition(AppError):
    """The order cannot move to that status from where it is, or not by this role."""

    code, status = "illegal_transition", 409


class StaleVersion(AppError):
    """The order has changed since the version that the caller named in If-Match."""

    code, status = "stale_version", 412


class IdempotencyMismatch(AppError):
    """The Idempotency-Key was used before, with another body."""

    code, status = "idempotency_mismatch", 422


class DuplicateNumber(AppError):
    """This seller has an order with that number already."""

    code, status = "duplicate_number", 409
