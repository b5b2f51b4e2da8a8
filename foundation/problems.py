"""Renders every error as RFC 9457 problem details, or as a page for a browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import psycopg2
import sqlalchemy.exc
from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from foundation import errors, logs
from foundation.connections import Unreachable, busy, outcome_unknown
from foundation.db import has_committed
from foundation.errors import AppError

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


def init_app(app: Flask) -> None:
    """Return every error of this application as a problem, or as a page for a browser."""
    app.register_error_handler(AppError, _on_app_error)
    app.register_error_handler(HTTPException, _on_http_exception)
    for unavailable in UNAVAILABLE:
        app.register_error_handler(unavailable, _on_database_unavailable)
    app.register_error_handler(sqlalchemy.exc.DBAPIError, _on_database_error)
    app.register_error_handler(sqlalchemy.exc.TimeoutError, _on_database_unavailable)
    app.register_error_handler(Exception, _on_surprise)


def problem(error: AppError) -> Response:
    """The error as a response (RFC 9457)."""
    body = body_of(error)
    if _a_person_looks():
        response = Response(render_template("error.html", problem=body), error.status)
    else:
        response = Response(orjson.dumps(body), error.status, content_type=CONTENT_TYPE)
    response.headers.update(error.headers)
    return response


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


def _a_person_looks() -> bool:
    return (
        not request.path.startswith("/api/")
        and request.accept_mimetypes.accept_html
        and (
            request.accept_mimetypes["text/html"] > request.accept_mimetypes["application/json"]
            or not request.accept_mimetypes.accept_json
        )
    )


def _on_app_error(error: AppError) -> Response:
    return problem(error)


def _on_http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # werkzeug raises a redirect as an exception; here it is not an error
        return Response(error.get_response().get_data(), status, error.get_headers())
    # The framework's own texts are not passed on: they are about itself.
    response = problem(of_status(status))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _on_database_error(error: sqlalchemy.exc.DBAPIError) -> Response:
    return _on_database_unavailable(error) if isinstance(error.orig, UNAVAILABLE) else _on_surprise(error)


def _on_database_unavailable(error: Exception) -> Response:
    log.warning("database.unavailable", "Database unavailable", exc_info=error)
    changes = request.method not in ("GET", "HEAD")
    return problem(of_database(error, IN_PART if changes and has_committed() else UNSURE if changes else ""))


def of_failure(error: Exception) -> AppError:
    """The problem for whatever a change failed with before Flask; it says and logs what Flask's handlers would."""
    if isinstance(error, AppError):
        return error
    if isinstance(error, UNAVAILABLE):
        log.warning("database.unavailable", "Database unavailable", exc_info=error)
        return of_database(error, UNSURE)
    log.error("request.failed", "Request failed with an unexpected exception", exc_info=error)
    return errors.InternalError()


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
    return outcome_unknown(error) and not isinstance(error, Unreachable)


def _on_surprise(error: Exception) -> Response:
    log.error("request.failed", "Request failed with an unexpected exception", exc_info=error)
    return problem(errors.InternalError())
