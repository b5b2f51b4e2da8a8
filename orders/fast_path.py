"""The PATCH without Flask's work on each request: the same functions, called straight from the WSGI layer.

Flask's contexts, its routing, its response object and its hooks cost as much as the change itself. What is usual about
a request is answered here; whatever is unusual, and every error, is left to Flask, which tells it as ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from access import guards
from access.limits import Limits
from access.principal import Principal
from access.proofs import Proofs
from foundation import logs
from foundation.contract import BODY_BYTES, JSON_TYPE, parse_json
from orders import conditions
from orders.schemas import NewStatus
from orders.status_change import StatusChange, StatusChanges

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATH = re.compile(r"/api/orders/([1-9][0-9]{0,17})/status")

AREA = "orders"
"""The scope that an API key needs, as for the blueprint."""

UNUSUAL = ("HTTP_PREFER", "HTTP_TRANSFER_ENCODING", "HTTP_ORIGIN")
"""Headers that ask for more than the change."""

RAISED = "onward.raised"
"""In the environment: what went wrong already. Flask raises it before it does anything else."""


class FastPath:
    """Wraps Flask's application."""

    def __init__(self, app: WSGIApplication, proofs: Proofs, changes: StatusChanges, limits: Limits) -> None:
        self.flask = app
        self._proofs = proofs
        self._changes = changes
        self._limits = limits

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        match = PATH.fullmatch(environ["PATH_INFO"]) if environ["REQUEST_METHOD"] == "PATCH" else None
        principal = self._known(environ) if match and _usual(environ) else None
        if match is None or principal is None:
            return self.flask(environ, start_response)
        request_id = logs.new_request_id(environ.get("HTTP_X_REQUEST_ID"))
        logs.request_id.set(request_id)
        try:
            guards.permit(principal, AREA, reading=False)
            self._limits.take(principal.who, reading=False)
            body = parse_json(NewStatus, environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            key = conditions.idempotency_key(environ.get("HTTP_IDEMPOTENCY_KEY", ""))
            version = conditions.version(environ.get("HTTP_IF_MATCH", ""), self._changes.require_version)
            changed = self._changes.change(StatusChange(int(match[1]), principal, body, key, version))
        except Exception as error:
            environ[RAISED] = error
            return self.flask(environ, start_response)
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(changed.order))),
            ("ETag", f'"{changed.version}"'),
            ("X-Request-ID", request_id),
            ("X-Content-Type-Options", "nosniff"),
        ]
        start_response("200 OK", headers)
        return (changed.order,)

    def _known(self, environ: WSGIEnvironment) -> Principal | None:
        """Who is asking, if this process has verified the proof before."""
        scheme, _, proof = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        return self._proofs.remembered(proof.strip()) if scheme.lower() == "bearer" else None


def _usual(environ: WSGIEnvironment) -> bool:
    length = environ.get("CONTENT_LENGTH", "")
    return (
        length.isdecimal()
        and int(length) <= BODY_BYTES
        and not environ["QUERY_STRING"]
        and (not environ.get("CONTENT_TYPE") or JSON_TYPE.match(environ["CONTENT_TYPE"]) is not None)
        and not any(name in environ for name in UNUSUAL)
    )
