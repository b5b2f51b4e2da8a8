"""Requests that are repeated until they are answered, each change with one key so that it is applied once."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3

from onward_client.errors import OnwardError, Unavailable, error_of

Token = str | Callable[[], str]

CONNECT_SECONDS = 5.0
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 5.0
STILL_RUNNING = "idempotency_in_progress"
"""The code of a 409 that means: the request with this key is in progress. Its response is available in a moment."""


class Transport:
    """One service and one token; thread-safe."""

    def __init__(self, url: str, token: Token, timeout: float, patience: float) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=timeout)
        self._patience = patience
        self.pool = urllib3.PoolManager(num_pools=1, maxsize=16, retries=False)

    def close(self) -> None:
        self.pool.clear()

    def headers(self) -> dict[str, str]:
        """The authorization header. The token may be new each time."""
        token = self._token if isinstance(self._token, str) else self._token()
        return {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Read; None in the query is omitted."""
        given = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        return self._until_answered("GET", f"{path}?{urlencode(given)}" if given else path, None, {})

    def send(self, method: str, path: str, body: Any, key: str | None, headers: Mapping[str, str] | None = None) -> Any:
        """Change something, once, however often it has to be sent."""
        named = {"Idempotency-Key": key or uuid.uuid4().hex, "Content-Type": "application/json", **(headers or {})}
        return self._until_answered(method, path, json.dumps(body).encode(), named)

    def _until_answered(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
        ends = time.monotonic() + self._patience
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return self._once(method, path, body, headers)
            except OnwardError as error:
                if not isinstance(error, Unavailable) and error.code != STILL_RUNNING:
                    raise
                wait = max(pause * random.uniform(0.5, 1.5), error.retry_after)
                if error.status == 500 or time.monotonic() + wait > ends:
                    raise
            time.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _once(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Any:
        try:
            answer = self.pool.request(
                method,
                self.url + path,
                body=body,
                headers={**self.headers(), **headers},
                timeout=self._timeout,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(0, {"code": "no_answer", "detail": str(error)}) from error
        if answer.status < 300:
            return json.loads(answer.data)
        raise refusal(answer)


def refusal(answer: urllib3.BaseHTTPResponse) -> OnwardError:
    """The error of a response, with its requested pause."""
    try:
        problem = json.loads(answer.data)
    except ValueError:  # not from the service: a proxy's page
        problem = {"code": "not_understood", "detail": answer.reason or ""}
    error = error_of(answer.status, problem if isinstance(problem, dict) else {})
    after = answer.headers.get("Retry-After", "")
    error.retry_after = float(after) if after.isascii() and after.isdigit() else 0.0
    return error
