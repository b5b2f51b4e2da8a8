"""One tree of errors and one renderer: everything that goes wrong is told as RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import orjson
import psycopg2
import sqlalchemy.exc
import structlog
from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from foundation import logs

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = 1
"""A database that restarts is back within seconds; clients that wait longer only wait longer."""


class AppError(Exception):
    """Something that the caller can be told: a sentence, a stable code and an HTTP status."""

    code: ClassVar[str]
    status: ClassVar[int]

    def __init__(
        self, detail: str, members: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = dict(members or {})
        self.headers = dict(headers or {})


class MalformedRequest(AppError):
    """The request cannot be read: it is not JSON, or holds what no text may hold."""

    code, status = "malformed_request", 400


class Unauthorized(AppError):
    """Nobody is signed in, or the token is not valid."""

    code, status = "unauthorized", 401

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="onward"'})  # RFC 6750, section 3


class Forbidden(AppError):
    """The principal is known and may not do this."""

    code, status = "forbidden", 403


class NotFound(AppError):
    """There is no such thing, or none that this principal may see; the answer does not tell which."""

    code, status = "not_found", 404


class InvalidRequest(AppError):
    """The request can be read, and something in it is missing or not allowed."""

    code, status = "invalid_request", 422


class ServiceUnavailable(AppError):
    """The service cannot do this now; nothing was changed, and a later try is welcome."""

    code, status = "service_unavailable", 503

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


HTTP_CODES = {
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
}


def init_app(app: Flask) -> None:
    """Answer every error of this application with a problem, or with a page where a person looks."""
    app.register_error_handler(AppError, _on_app_error)
    app.register_error_handler(HTTPException, _on_http_exception)
    for unavailable in (psycopg2.OperationalError, psycopg2.InterfaceError, psycopg2.errors.ReadOnlySqlTransaction):
        app.register_error_handler(unavailable, _on_database_away)
    app.register_error_handler(sqlalchemy.exc.DBAPIError, _on_database_error)
    app.register_error_handler(sqlalchemy.exc.TimeoutError, _on_database_away)
    app.register_error_handler(Exception, _on_surprise)


def problem(status: int, code: str, detail: str, members: dict[str, Any] | None = None) -> Response:
    """An `application/problem+json` response (RFC 9457)."""
    body = {
        "type": f"urn:onward:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": logs.request_id.get(),
        **(members or {}),
    }
    if _a_person_looks():
        return Response(render_template("error.html", problem=body), status=status)
    return Response(orjson.dumps(body), status=status, content_type="application/problem+json")


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
    response = problem(error.status, error.code, error.detail, error.members)
    response.headers.update(error.headers)
    return response


def _on_http_exception(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:  # a redirect is an exception to werkzeug, and none to us
        return Response(error.get_response().get_data(), status, error.get_headers())
    code = HTTP_CODES.get(status) or HTTPStatus(status).phrase.lower().replace(" ", "_")
    response = problem(status, code, error.description or HTTPStatus(status).phrase)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _on_database_error(error: sqlalchemy.exc.DBAPIError) -> Response:
    if isinstance(
        error.orig, psycopg2.OperationalError | psycopg2.InterfaceError | psycopg2.errors.ReadOnlySqlTransaction
    ):
        return _on_database_away(error)
    return _on_surprise(error)


def _on_database_away(error: Exception) -> Response:
    log.warning("The database cannot be used", exc_info=error)
    return _on_app_error(ServiceUnavailable("The service cannot reach its database. Nothing was changed."))


def _on_surprise(error: Exception) -> Response:
    log.error("A request failed unexpectedly", exc_info=error)
    return problem(500, "internal_error", "Something failed on our side. Quote the request id when you report it.")
