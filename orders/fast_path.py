"""The PATCH without Flask's work on each request: the same functions, called straight from the layers below it.

Flask's contexts, its routing, its response object and its hooks cost as much as the change itself, and so does the
server's work on a request. Who is known and asks as usual is answered here, with a refusal too; all else is left to
Flask.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial

from access.credentials import Credentials
from access.limits import RateLimits
from access.principal import Principal
from foundation import logs, problems
from foundation.errors import AppError
from foundation.json_body import parse_json
from foundation.responses import PlainResponse
from foundation.strict_reading import is_json, sent
from orders import conditions
from orders.schemas import ChangeOrderStatusRequest
from orders.status_change import StatusChange, StatusChanges
from server.requests import Plain

PATH = re.compile(r"/api/orders/([1-9][0-9]{0,17})/status")

AREA = "orders"
"""The scope that an API key needs, as for the blueprint."""


class FastPath:
    """Is asked by the server for each plain request."""

    def __init__(self, credentials: Credentials, changes: StatusChanges, limits: RateLimits) -> None:
        self._credentials = credentials
        self._changes = changes
        self._limits = limits

    def accept(self, request: Plain) -> Callable[[bytes], PlainResponse] | None:
        """What responds to a plain request, given its body; None where the server has to read it."""
        match = PATH.fullmatch(request.path) if request.method == "PATCH" else None
        if match is None or not is_json(request.fields.get("content-type", "")):
            return None
        principal = self._known(request.fields.get("authorization", ""))
        if principal is None:
            return None
        logs.request_id.set(logs.new_request_id(request.fields.get("x-request-id")))
        return partial(self._answer, int(match[1]), principal, request.fields)

    def _answer(self, order_id: int, principal: Principal, fields: Mapping[str, str], body: bytes) -> PlainResponse:
        try:
            return self._change(order_id, principal, fields, body)
        except Exception as error:
            return problems.answer(problems.translate(error))

    def _change(self, order_id: int, principal: Principal, fields: Mapping[str, str], body: bytes) -> PlainResponse:
        principal.permit(AREA, reading=False)
        rate = self._limits.take(principal.who, reading=False) if self._limits.writes else ()
        try:
            new = parse_json(ChangeOrderStatusRequest, body)
            key, version = "", None
            if "idempotency-key" in fields:
                key = conditions.idempotency_key(sent("Idempotency-Key", fields["idempotency-key"]))
            if "if-match" in fields or self._changes.require_version:
                tag = sent("If-Match", fields["if-match"]) if "if-match" in fields else ""
                version = conditions.version(tag, self._changes.require_version)
            changed = self._changes.change(StatusChange(order_id, principal, new, key, version))
        except AppError as error:
            error.headers.update(rate)
            raise
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(changed.order))),
            ("ETag", f'"{changed.version}"'),
            *rate,
        ]
        return PlainResponse("200 OK", headers, changed.order)

    def _known(self, authorization: str) -> Principal | None:
        """The principal, if no database is needed to verify the credential; a refusal is left to Flask."""
        scheme, _, credential = authorization.partition(" ")
        try:
            return self._credentials.verify_offline(credential.strip()) if scheme.lower() == "bearer" else None
        except AppError:
            return None
