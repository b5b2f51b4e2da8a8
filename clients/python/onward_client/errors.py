"""What can go wrong, told by the service as problem details (RFC 9457), or by the network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TOLD = ("type", "title", "status", "detail", "code", "request_id")


class OnwardError(Exception):
    """The request was refused, or could not be made."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        """The HTTP status; 0 where there was no answer."""

        self.code: str = problem.get("code", "")
        """Stable, for programs."""

        self.detail: str = problem.get("detail", "")
        """A sentence, for people."""

        self.request_id: str = problem.get("request_id", "")
        self.retry_after = 0.0
        """Seconds that the service asked to be left alone for."""

        self.members = {name: value for name, value in problem.items() if name not in TOLD}
        """What helps: `current`, `allowed_transitions`, `errors` …"""

        super().__init__(f"{status} {self.code}: {self.detail}")


class Invalid(OnwardError):
    """The request cannot be understood, or something in it is not allowed."""


class Unauthorized(OnwardError):
    """The token is not valid, or no longer."""


class Forbidden(OnwardError):
    """Whoever holds the token may not do this."""


class Missing(OnwardError):
    """There is no such thing, or none that you may see."""


class Illegal(OnwardError):
    """The order stands where this move cannot be made, or not by you."""


class Stale(OnwardError):
    """The order has changed since the version that was named."""


class Expired(OnwardError):
    """The events after this cursor cannot be told any more; `members["head"]` is where to go on."""


class Unavailable(OnwardError):
    """The service did not answer, or was too busy, for as long as patience lasted."""


BY_STATUS = {401: Unauthorized, 403: Forbidden, 404: Missing, 409: Illegal, 410: Expired, 412: Stale}


def error_of(status: int, problem: Mapping[str, Any]) -> OnwardError:
    """The error that this answer is."""
    if status in BY_STATUS:
        return BY_STATUS[status](status, problem)
    if status == 429 or status >= 500:
        return Unavailable(status, problem)
    return Invalid(status, problem)
