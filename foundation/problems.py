"""Every error as problem details (RFC 9457), without a framework: `translate` finds the problem, `answer` writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import psycopg2
import sqlalchemy.exc
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from foundation import errors, logs
from foundation.connections import NoDatabase, busy, outcome_unknown
from foundation.errors import AppError
from foundation.responses import PlainResponse

log = logs.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"

OF_HTTP: dict[int, type[AppError]] = {
    error.status: error
    for error in (
        errors.NotFound,
        errors.MethodNotAllowed,
        errors.RequestTimeout,
        errors.BodyTooLarge,
        errors.UriTooLong,
        errors.UnsupportedMediaType,
        errors.ExpectationFailed,
        errors.TooManyRequests,
        errors.HeadersTooLarge,
        errors.NotImplementedHere,
    )
}
"""The error for a status that the framework or gunicorn chose. Others are malformed requests or internal errors."""

UNAVAILABLE = (psycopg2.OperationalError, psycopg2.InterfaceError, psycopg2.errors.ReadOnlySqlTransaction)
"""What is raised when the database cannot be used."""

UNSURE = (
    "The database connection broke. The request may have been applied: repeat it with the same "
    "Idempotency-Key, or check the result first if it had none."
)
"""For cases where "nothing was changed" might be untrue."""

IN_PART = (
    "The database became unavailable. Part of the request was applied: repeat it with the same "
    "Idempotency-Key, or check the result first if it had none."
)
"""After a commit."""

SENTENCES = {400: "The request cannot be parsed.", 404: "No such resource."}
"""Details for framework errors, where the default detail would not fit."""


def translate(error: Exception, unsure: str = UNSURE) -> AppError:
    """The problem for what a request failed with; what is not the client's doing is logged.

    `unsure` is its detail where the database broke and "nothing was changed" might be untrue.
    """
    if isinstance(error, AppError):
        return error
    if isinstance(error, HTTPException):
        return _of_http(error)
    cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    if isinstance(cause, (*UNAVAILABLE, sqlalchemy.exc.TimeoutError)):
        log.warning("database.unavailable", "Database unavailable", exc_info=error)
        return of_database(error, unsure)
    log.error("request.failed", "Request failed with an unexpected exception", exc_info=error)
    return errors.InternalError()


def answer(error: AppError) -> PlainResponse:
    """The problem as a response."""
    body = orjson.dumps(body_of(error))
    fields = [("Content-Type", CONTENT_TYPE), ("Content-Length", str(len(body))), *error.headers.items()]
    return PlainResponse(f"{error.status} {HTTP_STATUS_CODES[error.status].upper()}", fields, body)


def body_of(error: AppError) -> dict[str, Any]:
    """The members of the error's problem details."""
    return members(type(error), error.detail, error.members, logs.request_id.get())


def members(error: type[AppError], detail: str, more: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    """Problem details: the common members, then those of this error."""
    return {
        "type": f"urn:onward:problem:{error.code}",
        "title": HTTP_STATUS_CODES[error.status],
        "status": error.status,
        "detail": detail,
        "code": error.code,
        "request_id": request_id,
        **more,
    }


def of_status(status: int) -> AppError:
    """The problem for a status that the framework or gunicorn chose."""
    error = OF_HTTP.get(status, errors.MalformedRequest if status < 500 else errors.InternalError)
    return error(SENTENCES.get(error.status, ""))


def _of_http(error: HTTPException) -> AppError:
    """The framework's own texts are not passed on: they are about itself."""
    problem = of_status(error.code or 500)
    problem.headers.update((name, value) for name, value in error.get_headers() if name in ("Allow", "Retry-After"))
    return problem


def of_database(error: Exception, unsure: str = "") -> AppError:
    """The problem for an unusable database; `unsure` is used where "nothing was changed" might be untrue."""
    cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else error
    if cause is not None and busy(cause):
        return errors.DatabaseBusy(unsure if unsure == IN_PART else "")
    return errors.ServiceUnavailable(unsure if unsure == IN_PART or _broke_under_way(error) else "")


def _broke_under_way(error: Exception) -> bool:
    """Whether an established connection broke: perhaps after the commit had arrived."""
    if isinstance(error, sqlalchemy.exc.DBAPIError):
        return error.connection_invalidated
    return outcome_unknown(error) and not isinstance(error, NoDatabase)
