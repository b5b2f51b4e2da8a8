"""What Flask answers an error with: a problem, or a page for a browser."""

from __future__ import annotations

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from foundation import logs, problems
from foundation.db import has_committed
from foundation.errors import AppError
from foundation.languages import N_

log = logs.get_logger(__name__)

TITLES = (
    N_("Bad Request"),
    N_("Unauthorized"),
    N_("Forbidden"),
    N_("Not Found"),
    N_("Method Not Allowed"),
    N_("Conflict"),
    N_("Unprocessable Entity"),
    N_("Too Many Requests"),
    N_("Internal Server Error"),
    N_("Service Unavailable"),
)
"""Of the pages: a problem itself is in English, whoever asks."""


def init_app(app: Flask) -> None:
    """Answer every error of this application so."""
    app.register_error_handler(Exception, _on_error)


def problem(error: AppError) -> Response:
    """The error as a response (RFC 9457)."""
    if _a_person_looks():
        try:
            page = render_template("error.html", problem=problems.body_of(error))
            return Response(page, error.status, error.headers)
        except Exception:  # the answer to an error must come, whatever the page of it needs
            log.error("error_page.failed", "The page of an error cannot be drawn", exc_info=True)
    plain = problems.answer(error)
    return Response(plain.body, plain.status, plain.fields)


def _on_error(error: Exception) -> Response:
    if isinstance(error, HTTPException) and (error.code or 500) < 400:
        # werkzeug raises a redirect as an exception; here it is not an error
        return Response(error.get_response().get_data(), error.code, error.get_headers())
    return problem(problems.translate(error, _doubt()))


def _doubt() -> str:
    """What to say if the database broke during this request."""
    if request.method in ("GET", "HEAD"):
        return ""
    return problems.IN_PART if has_committed() else problems.UNSURE


def _a_person_looks() -> bool:
    return (
        not request.path.startswith("/api/")
        and request.accept_mimetypes.accept_html
        and (
            request.accept_mimetypes["text/html"] > request.accept_mimetypes["application/json"]
            or not request.accept_mimetypes.accept_json
        )
    )
