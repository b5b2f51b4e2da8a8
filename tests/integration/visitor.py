"""A browser without scripts, for tests of the pages."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

TRACES = ("Traceback", "psycopg2", "sqlalchemy", 'File "')


def press_button(client: FlaskClient, role: str, id: int = 1) -> None:
    """Give a client the cookie that one of the demo's buttons makes, without a page."""
    now = int(time.time())
    with client.session_transaction() as session:
        session.update(role=role, id=str(id), since=now, seen=now, name=secrets.token_hex(8))


class Visitor:
    """Somebody at a browser without scripts; no page that they are shown may hold a stack trace."""

    def __init__(self, client: FlaskClient, token: str = "") -> None:
        self._client = client
        self._token = token

    def before(self, app: Flask) -> Visitor:
        """The same browser with the same page, when another process of the service answers."""
        client, cookie = app.test_client(), self._client.get_cookie("onward_session")
        assert cookie
        client.set_cookie("onward_session", cookie.value)
        return Visitor(client, self._token)

    def get(self, path: str) -> TestResponse:
        return self._shown(self._client.get(path, headers={"Accept": "text/html"}))

    def post(self, path: str, **fields: Any) -> TestResponse:
        """Send a form with the token of the page that was seen last."""
        form = {"csrf_token": self._token} | fields
        return self._shown(self._client.post(path, data=form, headers={"Accept": "text/html"}))

    def api(self, method: str, path: str, body: Any) -> TestResponse:
        """What a script of the page that was seen last sends."""
        return self._client.open(path, method=method, json=body, headers={"X-CSRFToken": self._token})

    def move(self, order: Mapping[str, Any], to: str, **fields: Any) -> TestResponse:
        """Press an order's button, as the page that was drawn for `order` has it."""
        form = {"to": to, "version": order["version"], "key": "a-key-of-the-page"} | fields
        return self.post(f"/orders/{order['id']}/status", **form)

    def press(self, order: Mapping[str, Any], to: str, part: str = "") -> TestResponse:
        """Press a button of the board, as a page that was drawn for `order` has it."""
        value = f"{order['id']}:{order['version']}:{to}"
        return self.post("/orders/move" + (f"?part={part}" if part else ""), move=value, key="a-key-of-the-board")

    def sign_in(self, name: str) -> TestResponse:
        self.get("/sign-in")
        answer = self.post("/sign-in", person=name)
        self.get("/inbox")
        return answer

    def _shown(self, answer: TestResponse) -> TestResponse:
        assert not [trace for trace in TRACES if trace in answer.text], answer.text
        if answer.status_code not in (302, 303):
            assert "text/html" == answer.mimetype
        if found := re.search(r'name="csrf_token" value="([^"]+)"', answer.text):
            self._token = found[1]
        return answer
