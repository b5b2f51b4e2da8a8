"""Errors, reported by the service as problem details (RFC 9457), or by the network; grouped by their status.

Each known `code` has a class of its own, in `generated/problems.py`, which belongs to one of these groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onward_client.values import NO_RESPONSE, Http

KNOWN = ("type", "title", "status", "detail", "code", "request_id")


class OnwardError(Exception):
    """The request was refused, or could not be made."""

    def __init__(self, status: int, problem: Mapping[str, Any], http: Http = NO_RESPONSE) -> None:
        self.status = status
        """The HTTP status; 0 if there was no response."""

        self.code: str = problem.get("code", "")
        """Stable, for programs."""

        self.detail: str = problem.get("detail", "")
        """A sentence, for people."""

        self.http = http
        self.request_id: str = problem.get("request_id") or http.request_id
        """Find the request in the service's logs by it, even if there was no response."""

        self.retry_after = http.retry_after
        """Seconds after which the service asked to try again."""

        self.members = {name: value for name, value in problem.items() if name not in KNOWN}
        """Further members: `current`, `allowed_transitions`, `errors` …"""

        self.never_sent = False
        """Whether no connection was made, so that nothing can have been applied."""

        super().__init__(f"{status} {self.code}: {self.detail}" + (f" [{self.request_id}]" if self.request_id else ""))


class Invalid(OnwardError):
    """The request cannot be parsed, or something in it is invalid."""


class Unauthorized(OnwardError):
    """The token is not valid, or no longer."""


class Forbidden(OnwardError):
    """The token's principal may not do this."""


class Missing(OnwardError):
    """The resource does not exist, or is not visible to you."""


class Conflict(OnwardError):
    """The request does not fit the state of the resource."""


class Stale(OnwardError):
    """The resource has changed since the given version."""


class Expired(OnwardError):
    """What was asked for is no longer available; after `cursor_expired`, continue from `members["head"]`."""


class Unavailable(OnwardError):
    """The service did not respond, or was too busy, for as long as `patience` lasted."""


class NotModified(OnwardError):
    """The representation is still the one named by `if_none_match`."""


BY_STATUS: dict[int, type[OnwardError]] = {
    304: NotModified,
    401: Unauthorized,
    403: Forbidden,
    404: Missing,
    408: Unavailable,
    409: Conflict,
    410: Expired,
    412: Stale,
    429: Unavailable,
}


def group_of(status: int) -> type[OnwardError]:
    """The group of an error with this status."""
    return BY_STATUS.get(status, Unavailable if status >= 500 else Invalid)
