"""A browser at the sign-in page, and the passwords that are tried there."""

from __future__ import annotations

import re

from flask import Flask
from werkzeug.test import TestResponse

PASSWORD, OTHER = "correct horse battery", "another horse battery"


class Browser:
    """A browser without scripts."""

    def __init__(self, app: Flask, address: str = "127.0.0.1") -> None:
        self.client, self.token = app.test_client(), ""
        self.client.environ_base["REMOTE_ADDR"] = address

    def get(self, path: str) -> TestResponse:
        return self._seen(self.client.get(path, headers={"Accept": "text/html"}))

    def post(self, path: str, **fields: str) -> TestResponse:
        self.get(path)
        form = {"csrf_token": self.token} | fields
        return self._seen(self.client.post(path, data=form, headers={"Accept": "text/html"}))

    def sign_in(self, email: str = "bob@example.org", password: str = PASSWORD, **more: str) -> TestResponse:
        return self.post("/sign-in", email=email, password=password, **more)

    def sign_out(self) -> TestResponse:
        self.get("/inbox")
        return self.post("/sign-out")

    @property
    def me(self) -> int:
        return self.client.get("/api/me").status_code

    def _seen(self, answer: TestResponse) -> TestResponse:
        if found := re.search(r'name="csrf_token" value="([^"]+)"', answer.text):
            self.token = found[1]
        return answer
