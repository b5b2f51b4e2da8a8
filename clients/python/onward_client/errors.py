"""Errors, reported by the service as problem details (RFC 9457), or by the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TOLD = ("type", "title", "status", "detail", "code", "request_id")


class OnwardError(Exception):
    """The request was refused, or could not be made."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        """The HTTP status; 0 if there was no response."""

        self.code: str = problem.get("code", "")
        """Stable, for programs."""

        self.detail: str = problem.get("detail", "")
        """A sentence, for people."""

        self.request_id: str = problem.get("request_id", "")
        self.retry_after = 0.0
        """Seconds after which the service asked to try again."""

        self.members = {name: value for name, value in problem.items() if name not in TOLD}
        """Further members: `current`, `allowed_transitions`, `errors` …"""

        super().__init__(f"{status} {self.code}: {self.detail}")


class Invalid(OnwardError):
    """The request cannot be parsed, or something in it is invalid."""


class Unauthorized(OnwardError):
    """The token is not valid, or no longer."""


class Forbidden(OnwardError):
    """The token's principal may not do this."""


class Missing(OnwardError):
    """The resource does not exist, or is not visible to you."""


class Illegal(OnwardError):
    """The order's status does not allow this transition, or not for you."""


class Stale(OnwardError):
    """The order has changed since the given version."""


class Expired(OnwardError):
    """The events after this cursor are no longer available; continue from `members["head"]`."""


class Unavailable(OnwardError):
    """The service did not respond, or was too busy, for as long as `patience` lasted."""


BY_STATUS = {401: Unauthorized, 403: Forbidden, 404: Missing, 409: Illegal, 410: Expired, 412: Stale}


def error_of(status: int, problem: Mapping[str, Any]) -> OnwardError:
    """The error of this response."""
    if status in BY_STATUS:
        return BY_STATUS[status](status, problem)
    if status == 429 or status >= 500:
        return Unavailable(status, problem)
    return Invalid(status, problem)
