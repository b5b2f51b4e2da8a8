"""The PATCH without Flask's work on each request: the same functions, called straight from the layers below it.

Flask's contexts, its routing, its response object and its hooks cost as much as the change itself, and so does the
server's work on a request. Who is known and asks as usual is answered here, with a refusal too; all else is left to
Flask.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from access.credentials import Credentials
from access.limits import RateLimits
from access.principal import Principal
from foundation import logs
from foundation.contract import BODY_BYTES, JSON_TYPE
from foundation.errors import AppError
from foundation.json_body import parse_json
from foundation.problems import of_failure
from orders import conditions
from orders.schemas import NewStatus
from orders.status_change import StatusChange, StatusChanges
from server import refusals
from server.requests import Plain
from server.responses import PlainResponse
from server.screening import RAISED

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATH = re.compile(r"/api/orders/([1-9][0-9]{0,17})/status")

AREA = "orders"
"""The scope that an API key needs, as for the blueprint."""

UNUSUAL = ("HTTP_PREFER", "HTTP_TRANSFER_ENCODING", "HTTP_ORIGIN")
"""Headers that ask for more than the change."""


class FastPath:
    """Wraps Flask's application, and is called by the server for plain requests."""

    flask: WSGIApplication
    """Takes everything that is not answered here."""

    def __init__(self, credentials: Credentials, changes: StatusChanges, limits: RateLimits) -> None:
        self._credentials = credentials
        self._changes = changes
        self._limits = limits

    def around(self, flask: WSGIApplication) -> FastPath:
        """Wrap this application; returns the fast path itself."""
        self.flask = flask
        return self

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match = PATH.fullmatch(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "PATCH" else None
        if match is None or RAISED in environ or not _usual(environ):
            return self.flask(environ, start_response)
        principal = self._known(environ.get("HTTP_AUTHORIZATION", ""))
        if principal is None:
            return self.flask(environ, start_response)
        fields = _fields(environ)
        logs.request_id.set(logs.new_request_id(fields.get("x-request-id")))
        try:
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            answer = self._change(int(match[1]), principal, fields, body)
        except Exception as error:
            answer = refusals.answer(of_failure(error))
        start_response(answer.status, answer.fields)
        return (answer.body,)

    def answer(self, request: Plain) -> PlainResponse | None:
        """The answer to a plain request; None where the server has to read it."""
        match = PATH.fullmatch(request.path) if request.method == "PATCH" else None
        if match is None or not _is_json(request.fields.get("content-type", "")):
            return None
        principal = self._known(request.fields.get("authorization", ""))
        if principal is None:
            return None
        logs.request_id.set(logs.new_request_id(request.fields.get("x-request-id")))
        try:
            return self._change(int(match[1]), principal, request.fields, request.body)
        except Exception as error:
            return refusals.answer(of_failure(error))

    def _change(self, order_id: int, principal: Principal, fields: Mapping[str, str], body: bytes) -> PlainResponse:
        principal.permit(AREA, reading=False)
        rate = self._limits.take(principal.who, reading=False) if self._limits.writes else ()
        try:
            new = parse_json(NewStatus, body)
            key, version = "", None
            if "idempotency-key" in fields:
                key = conditions.idempotency_key(fields["idempotency-key"])
            if "if-match" in fields or self._changes.require_version:
                version = conditions.version(fields.get("if-match", ""), self._changes.require_version)
            changed = self._changes.change(StatusChange(order_id, principal, new, key, version))
        except AppError as error:
            error.headers.update(rate)
            raise
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(changed.order))),
            ("ETag", f'"{changed.version}"'),
            ("X-Request-ID", logs.request_id.get()),
            ("X-Content-Type-Options", "nosniff"),
            *rate,
        ]
        return PlainResponse("200 OK", headers, changed.order)

    def _known(self, authorization: str) -> Principal | None:
        """The principal, if this process has verified the credential before."""
        scheme, _, credential = authorization.partition(" ")
        return self._credentials.remembered(credential.strip()) if scheme.lower() == "bearer" else None


def _usual(environ: WSGIEnvironment) -> bool:
    length = environ.get("CONTENT_LENGTH", "")
    return (
        length.isdecimal()
        and int(length) <= BODY_BYTES
        and not environ["QUERY_STRING"]
        and _is_json(environ.get("CONTENT_TYPE", ""))
        and not any(name in environ for name in UNUSUAL)
    )


def _is_json(content_type: str) -> bool:
    return not content_type or JSON_TYPE.match(content_type) is not None


def _fields(environ: WSGIEnvironment) -> Mapping[str, str]:
    """The header fields that a change reads."""
    names = ("x-request-id", "idempotency-key", "if-match")
    found = ((name, environ.get(f"HTTP_{name.upper().replace('-', '_')}")) for name in names)
    return {name: value for name, value in found if value is not None}
