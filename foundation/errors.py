"""The errors of the API: each has a stable code, a status and a sentence.

Responses, the API reference and the tests are derived from this tree; docs/http.md lists it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pydantic

from foundation.languages import N_

RETRY_AFTER_SECONDS = 1
"""A restarted database is back within seconds; a longer pause would only delay clients."""


class AppError(Exception):
    """An error that is returned to the caller."""

    code: ClassVar[str]
    status: ClassVar[int]
    sentence: ClassVar[str]
    """Default detail; also the example in the docs."""

    example: ClassVar[Mapping[str, Any]] = {}
    """Additional members, as shown in the docs."""

    extension: ClassVar[type[pydantic.BaseModel] | None] = None
    """Their model."""

    def __init__(
        self, detail: str = "", members: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail or self.sentence)
        self.detail = detail or self.sentence
        self.members = dict(members or {})
        self.headers = dict(headers or {})


class MalformedRequest(AppError):
    """The request cannot be parsed: invalid HTTP or JSON, or characters that are not allowed in text."""

    code, status = "malformed_request", 400
    sentence = "The body must be one JSON object."


class CsrfFailed(AppError):
    """The request has a session cookie but no valid CSRF token: another site may have sent it."""

    code, status = "csrf_failed", 400
    sentence = "Send the page's CSRF token in X-CSRFToken."


class Unauthorized(AppError):
    """No credential, or one that is invalid, expired or revoked; `detail` explains a correctly signed token."""

    code, status = "unauthorized", 401
    sentence = "Send a bearer token, or sign in."

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="onward"'})  # RFC 6750, section 3


class Forbidden(AppError):
    """The principal is authenticated but not allowed to do this."""

    code, status = "forbidden", 403
    sentence = "This requires the role operator."


class NotFound(AppError):
    """The resource does not exist, or is not visible to this principal; the response does not reveal which."""

    code, status = "not_found", 404
    sentence = N_("No such resource.")


class MethodNotAllowed(AppError):
    """The resource exists but does not support the method; `Allow` lists the supported ones."""

    code, status = "method_not_allowed", 405
    sentence = N_("This resource does not support that method.")


class NotAcceptable(AppError):
    """The resource has none of the media types in `Accept`."""

    code, status = "not_acceptable", 406
    sentence = "Orders are available as application/json, text/csv and application/x-ndjson."


class RequestTimeout(AppError):
    """The request did not arrive in time."""

    code, status = "request_timeout", 408
    sentence = N_("The request took too long to arrive.")


class BodyTooLarge(AppError):
    """The body is larger than 64 KB."""

    code, status = "body_too_large", 413
    sentence = N_("The body must not be larger than 64 KB.")


class UriTooLong(AppError):
    """The request line, including path and query, is too long."""

    code, status = "uri_too_long", 414
    sentence = N_("The request line is too long.")


class UnsupportedMediaType(AppError):
    """The body is declared as something other than JSON in UTF-8, or as encoded (`Content-Encoding`)."""

    code, status = "unsupported_media_type", 415
    sentence = "Send JSON, with Content-Type: application/json."


class ExpectationFailed(AppError):
    """`Expect` contains something other than `100-continue`."""

    code, status = "expectation_failed", 417
    sentence = "Only Expect: 100-continue is supported."


class InvalidMember(pydantic.BaseModel):
    """What is invalid, and why."""

    field: str
    message: str


class InvalidMembers(pydantic.BaseModel):
    """Members of a problem about an invalid request."""

    errors: list[InvalidMember] = pydantic.Field(description="What is invalid, at most the first 20.")


class InvalidRequest(AppError):
    """The request is well-formed, but something in it is missing or invalid; `errors` lists each location."""

    code, status = "invalid_request", 422
    extension = InvalidMembers
    sentence = "limit: Input should be less than or equal to 200."
    example: ClassVar[Mapping[str, Any]] = {
        "errors": [{"field": "limit", "message": "Input should be less than or equal to 200"}]
    }


class IdempotencyMismatch(AppError):
    """The Idempotency-Key was used before with a different request."""

    code, status = "idempotency_mismatch", 422
    sentence = "This Idempotency-Key was used with a different request."


class PreconditionRequired(AppError):
    """This installation requires `If-Match` with every change (`REQUIRE_IF_MATCH=1`)."""

    code, status = "precondition_required", 428
    sentence = "Send the order's current ETag in If-Match."


class TooManyRequests(AppError):
    """The principal has exceeded its rate limit; `Retry-After` says when to try again."""

    code, status = "too_many_requests", 429
    sentence = N_("Rate limit exceeded.")

    def __init__(
        self, detail: str = "", seconds: int = RETRY_AFTER_SECONDS, more: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail, headers={"Retry-After": str(seconds), **(more or {})})


class HeadersTooLarge(AppError):
    """There are too many headers, or one is too long."""

    code, status = "headers_too_large", 431
    sentence = "There are too many headers, or one is too long."


class InternalError(AppError):
    """An unexpected error; the log has it under the request id."""

    code, status = "internal_error", 500
    sentence = N_("An internal error occurred. Quote the request id when you report it.")


class NotImplementedHere(AppError):
    """The request uses a part of HTTP that is not supported."""

    code, status = "not_implemented", 501
    sentence = "This transfer coding is not supported."


class ServiceUnavailable(AppError):
    """The service cannot do this now; try again later. `detail` says if the request may already have been applied."""

    code, status = "service_unavailable", 503
    sentence = N_("The service cannot reach its database. Nothing was changed.")

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


class TooManyConnections(ServiceUnavailable):
    """Too many connections to a process, of this client or in all; `Retry-After` says when to reconnect."""

    code = "too_many_connections"
    sentence = N_("Too many connections. Close some, or reuse one for several requests.")


class DatabaseBusy(AppError):
    """The database is reachable but did not finish in time: a lock, a deadlock, a long statement."""

    code, status = "database_busy", 503
    sentence = N_("The database did not finish in time. Nothing was changed.")

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def catalogue() -> dict[str, type[AppError]]:
    """Every error of the imported packages by its code, ordered by status."""
    return {error.code: error for error in sorted(_descendants(AppError), key=lambda one: (one.status, one.code))}


def _descendants(error: type[AppError]) -> Iterator[type[AppError]]:
    for child in error.__subclasses__():
        yield child
        yield from _descendants(child)
