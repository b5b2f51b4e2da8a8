"""The tree of everything that a caller can be told: each error has a stable code, a status and a sentence.

Documentation, answers and tests all read this tree; docs/http.md lists it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

RETRY_AFTER_SECONDS = 1
"""A database that restarts is back within seconds; clients that wait longer only wait longer."""


class AppError(Exception):
    """Something that the caller can be told."""

    code: ClassVar[str]
    status: ClassVar[int]
    sentence: ClassVar[str]
    """What is said where nobody says it more exactly, and the example in the documentation."""

    example: ClassVar[Mapping[str, Any]] = {}
    """Members beyond the usual ones, as the documentation shows them."""

    def __init__(
        self, detail: str = "", members: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail or self.sentence)
        self.detail = detail or self.sentence
        self.members = dict(members or {})
        self.headers = dict(headers or {})


class MalformedRequest(AppError):
    """The request cannot be read: it is not HTTP, not JSON, or holds what no text may hold."""

    code, status = "malformed_request", 400
    sentence = "The body must be one JSON object."


class CsrfFailed(AppError):
    """A session's cookie came without the CSRF token of its page: another site may have made the request."""

    code, status = "csrf_failed", 400
    sentence = "Send the page's CSRF token in X-CSRFToken."


class Unauthorized(AppError):
    """Nobody is signed in, or the proof of it is not valid any more."""

    code, status = "unauthorized", 401
    sentence = "Send a bearer token, or sign in."

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="onward"'})  # RFC 6750, section 3


class Forbidden(AppError):
    """The principal is known and may not do this."""

    code, status = "forbidden", 403
    sentence = "This is for the role operator."


class NotFound(AppError):
    """There is no such thing, or none that this principal may see; the answer does not tell which."""

    code, status = "not_found", 404
    sentence = "There is no such thing here."


class MethodNotAllowed(AppError):
    """The address is right and the method is not; `Allow` names those that are."""

    code, status = "method_not_allowed", 405
    sentence = "This address does not know that method."


class RequestTimeout(AppError):
    """The request did not arrive in time."""

    code, status = "request_timeout", 408
    sentence = "The request took too long to arrive."


class BodyTooLarge(AppError):
    """The body has more than 64 KB."""

    code, status = "body_too_large", 413
    sentence = "A body may have 64 KB."


class UriTooLong(AppError):
    """The request line, with path and query, is too long."""

    code, status = "uri_too_long", 414
    sentence = "The address is too long."


class UnsupportedMediaType(AppError):
    """The body is said to be something else than JSON."""

    code, status = "unsupported_media_type", 415
    sentence = "Send JSON, with Content-Type: application/json."


class ExpectationFailed(AppError):
    """`Expect` asks for something else than `100-continue`."""

    code, status = "expectation_failed", 417
    sentence = "Expect may only ask for 100-continue."


class InvalidRequest(AppError):
    """The request can be read, and something in it is missing or not allowed; `errors` names each place."""

    code, status = "invalid_request", 422
    sentence = "limit: Input should be less than or equal to 200."
    example: ClassVar[Mapping[str, Any]] = {
        "errors": [{"field": "limit", "message": "Input should be less than or equal to 200"}]
    }


class IdempotencyMismatch(AppError):
    """The Idempotency-Key was used before, with another request."""

    code, status = "idempotency_mismatch", 422
    sentence = "This Idempotency-Key was used with another request."


class PreconditionRequired(AppError):
    """This installation asks for `If-Match` with every change (`REQUIRE_IF_MATCH=1`)."""

    code, status = "precondition_required", 428
    sentence = "Send the ETag of the order as you know it in If-Match."


class TooManyRequests(AppError):
    """More requests than this principal may send; `Retry-After` says when the next one is welcome."""

    code, status = "too_many_requests", 429
    sentence = "These are more requests than the limit allows."

    def __init__(
        self, detail: str = "", seconds: int = RETRY_AFTER_SECONDS, more: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail, headers={"Retry-After": str(seconds), **(more or {})})


class HeadersTooLarge(AppError):
    """There are too many headers, or one is too long."""

    code, status = "headers_too_large", 431
    sentence = "The headers are too many or too long."


class InternalError(AppError):
    """Something failed on our side; the log knows it by the request id."""

    code, status = "internal_error", 500
    sentence = "Something failed on our side. Quote the request id when you report it."


class NotImplementedHere(AppError):
    """The request uses a part of HTTP that is not spoken here."""

    code, status = "not_implemented", 501
    sentence = "This transfer coding is not understood."


class ServiceUnavailable(AppError):
    """The service cannot do this now, and a later try is welcome; `detail` says so where it may have been done."""

    code, status = "service_unavailable", 503
    sentence = "The service cannot reach its database. Nothing was changed."

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


class TooManyConnections(ServiceUnavailable):
    """More connections, of this client or in all, than one process takes; `Retry-After` says when to come back."""

    code = "too_many_connections"
    sentence = "There are more connections than the limit allows. Close some, or use one for several requests."


class DatabaseBusy(AppError):
    """The database is there and did not get this done in time: a lock, a deadlock, a long statement."""

    code, status = "database_busy", 503
    sentence = "The database did not get this done in time. Nothing was changed."

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def catalogue() -> dict[str, type[AppError]]:
    """Every error that the imported rooms know, by its code, in the order of their statuses."""
    return {error.code: error for error in sorted(_descendants(AppError), key=lambda one: (one.status, one.code))}


def _descendants(error: type[AppError]) -> Iterator[type[AppError]]:
    for child in error.__subclasses__():
        yield child
        yield from _descendants(child)
