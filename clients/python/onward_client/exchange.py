"""One call from its first attempt to its result, without I/O: what is sent, what it results in, when it is repeated."""

from __future__ import annotations

import json
import random
import re
import time
import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import onward_client
from onward_client.call import Call, texts
from onward_client.errors import OnwardError, Unauthorized, group_of
from onward_client.generated.problems import BY_CODE
from onward_client.values import Http, Value, decoded

T = TypeVar("T", bound=Value)

CONNECT_SECONDS = 5.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0
STILL_RUNNING = "idempotency_in_progress"
"""The request with this key is in progress; its response is available in a moment."""

JSON_TYPE = re.compile(r"application/([\w.-]+\+)?json\s*(;|$)", re.IGNORECASE)
PASSING = (0, 408, 429, 502, 503, 504)
"""No response, or one that may be another one in a moment."""


class Exchange(Generic[T]):
    """A call to the service at `url`, which may be repeated for `patience` seconds.

    What has an Idempotency-Key is repeated whatever happened to it, and so are reads, PUT and DELETE. A POST without
    one is repeated only if it was certainly not applied; likewise what has If-Match but no key, which would find the
    version that it made itself.
    """

    def __init__(self, call: Call[T], url: str, patience: float) -> None:
        self._call = call
        query = urlencode([*texts(call.query)])
        self.method, self.url = call.method, url + call.path + (f"?{query}" if query else "")
        self.body = _written(call.body)
        self._request_id = uuid.uuid4().hex
        self._headers = {name: value for name, value in call.headers.items() if value is not None}
        if call.body is not None:
            self._headers["Content-Type"] = call.media
        if call.keyed:
            self._headers["Idempotency-Key"] = call.key or uuid.uuid4().hex
        self._repeatable = call.keyed or (call.method != "POST" and "If-Match" not in self._headers)
        self._renewed = False
        self._ends = time.monotonic() + patience
        self._pause = FIRST_PAUSE_SECONDS

    def headers(self, token: str) -> dict[str, str]:
        """The same in each attempt, but for the token."""
        return {**_identity(token, self._request_id), "Accept": "application/json, */*;q=0.5", **self._headers}

    def result(self, status: int, headers: Mapping[str, str], body: bytes) -> T:
        """What the response contains; raises the error that it is."""
        http = Http(status, {name.lower(): value for name, value in headers.items()}, self._request_id)
        if not 200 <= status < 300:
            raise refused(http, body)
        if JSON_TYPE.match(http.headers.get("content-type", "")) is None:
            if self._call.kind is not Value:
                raise not_understood(http, "")
            return self._call.kind(raw=body.decode() if body else None, http=http)
        try:
            return decoded(self._call.kind, json.loads(body), http)
        except ValueError as error:
            raise not_understood(http, str(error)) from error

    def unanswered(self, error: Exception, *, never_sent: bool) -> OnwardError:
        """What is raised if there is no response."""
        unavailable = refused(Http(sent_request_id=self._request_id), b"", str(error) or type(error).__name__)
        unavailable.never_sent = never_sent
        return unavailable

    def may_renew(self, error: OnwardError) -> bool:
        """Whether to try again with a fresh token: once in each call."""
        renews = isinstance(error, Unauthorized) and not self._renewed
        self._renewed = self._renewed or renews
        return renews

    def pause(self, error: OnwardError) -> float:
        """Seconds until the next attempt; raises the error if there is none."""
        if error.code != STILL_RUNNING and not (error.status in PASSING and self._is_safe_after(error)):
            raise error
        wait = max(self._pause * random.uniform(0.5, 1.5), error.retry_after)
        if time.monotonic() + wait > self._ends:
            raise error
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
        return wait

    def _is_safe_after(self, error: OnwardError) -> bool:
        return self._repeatable or error.never_sent or error.status == 429


def error_of(http: Http, problem: Mapping[str, Any]) -> OnwardError:
    """The error that is reported: by its code, or by its status if the code is unknown."""
    return BY_CODE.get(problem.get("code", ""), group_of(http.status))(http.status, problem, http)


def refused(http: Http, body: bytes, detail: str = "") -> OnwardError:
    """The error of a response, which may come from a proxy; without a status, there was none."""
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if isinstance(problem, dict):
        return error_of(http, problem)
    return (
        not_understood(http, detail) if http.status else group_of(503)(0, {"code": "no_answer", "detail": detail}, http)
    )


def not_understood(http: Http, detail: str) -> OnwardError:
    """The error of a response that is not the service's."""
    problem = {"code": "not_understood", "detail": detail or "The response is not the service's."}
    return group_of(502 if http.status < 300 else http.status)(http.status, problem, http)


def stream_headers(token: str, cursor: str) -> dict[str, str]:
    """The headers that open a live stream."""
    position = {"Last-Event-ID": cursor} if cursor else {}
    return {**_identity(token, uuid.uuid4().hex), "Accept": "text/event-stream", **position}


def _identity(token: str, request_id: str) -> dict[str, str]:
    """Who asks, with what, and under which id."""
    agent = f"onward-client-python/{onward_client.__version__}"
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    return {"User-Agent": agent, "X-Request-ID": request_id, **authorization}


def _written(body: Any) -> bytes | None:
    if body is None or isinstance(body, bytes):
        return body
    return (body if isinstance(body, str) else json.dumps(body, default=_moment)).encode()


def _moment(value: Any) -> str:
    if isinstance(value, date):  # a datetime is one
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")
