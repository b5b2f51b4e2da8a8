"""A gunicorn of our own, to send requests to, to inspect, and to kill."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
from typing import Any, Self
from urllib.parse import urlsplit

import psutil
import requests

from access.principal import Role
from access.tokens import Tokens
from foundation.settings import Settings
from tests.cast import Answer, Cast, assemble, new_order
from tests.conftest import PROJECT, environment, run_sql
from tests.facts import eventually
from tests.journeys.stream import Stream

READY_SECONDS = 30

_ids = itertools.count(1, 10)


class Server:
    """A gunicorn process with its workers, on a free port."""

    def __init__(self, database_url: str, workers: int = 2, **more: str) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed in __exit__
        self._process: subprocess.Popen[bytes] | None = None
        self.database = urlsplit(database_url).path.lstrip("/")
        self.port = free_port()
        # Longer than any test: a connection that the server ended just when a test used it again failed that test.
        more = {"KEEPALIVE_SECONDS": "300"} | more
        self.env = environment(database_url, PORT=str(self.port), WEB_CONCURRENCY=str(workers), **more)
        self.settings = Settings.from_env(self.env)
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = requests.Session()

    def start(self) -> None:
        """Start it and wait until every worker is ready."""
        command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
        self._process = subprocess.Popen(
            command, cwd=PROJECT, env=self.env, stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            eventually(self._ready, READY_SECONDS)
        except AssertionError as error:
            raise AssertionError(self.log) from error

    def stop(self) -> None:
        """Stop it gracefully; by force if that fails."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            self._process = None
        self.http.close()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        return [child.pid for child in psutil.Process(self.pid).children()]

    @property
    def log(self) -> str:
        """The output of all its processes."""
        position = self._log.tell()
        self._log.seek(0)
        text = self._log.read().decode()
        self._log.seek(position)
        return text

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return run_sql(statement, self.database)

    def at_rest(self) -> bool:
        """Whether every entry has been kept."""
        return self.sql("SELECT count(*) FROM outbox") == [(0,)]

    def cast(self) -> Cast:
        """The cast, with ids that no other test on this server has."""
        return assemble(self.settings, self._send, next(_ids))

    def token(self, role: Role, id: int) -> str:
        return Tokens.of(self.settings).issue(role, id)

    def place_order(self, seller: int = 1, buyer: int = 1, **changes: Any) -> Any:
        """Place an order and return it."""
        body = new_order(seller, buyer) | changes
        answer = self.http.post(f"{self.url}/api/orders", json=body, headers=self._as("service", 1), timeout=10)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def move(self, order_id: int, status: str, role: Role = "operator", id: int = 1, **more: Any) -> Any:
        """Change an order's status and return the order."""
        path = f"{self.url}/api/orders/{order_id}/status"
        answer = self.http.patch(path, json={"status": status} | more, headers=self._as(role, id), timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def tracking_link(self, order_id: int, **more: Any) -> str:
        """The path of a link that shows this order to everybody, and allows `more`."""
        path = f"{self.url}/api/orders/{order_id}/tracking-links"
        answer = self.http.post(path, json=more, headers=self._as("operator", 1), timeout=10)
        assert answer.status_code == 201, answer.text
        return "/t/" + str(answer.json()["url"]).partition("/t/")[2]

    def stream(self, token: str, last_event_id: str = "", query: str = "") -> Stream:
        """An open live stream."""
        return Stream(self.port, token, last_event_id, query)

    def following(self, link: str, last_event_id: str = "") -> Stream:
        """An open live stream of a tracking link."""
        return Stream(self.port, "", last_event_id, path=f"{link}/stream")

    def _as(self, role: Role, id: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(role, id)}"}

    def _send(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[Answer, Any]:
        answer = self.http.request(method, self.url + path, headers=headers, json=body, timeout=20)
        is_json = "json" in answer.headers.get("Content-Type", "")
        return answer, answer.json() if is_json else None

    def _ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(self.log)
        try:
            # A new connection each time, so that more than one worker is asked.
            answers = [requests.get(f"{self.url}/readyz", timeout=5).status_code for _ in range(4)]
        except requests.RequestException:
            return False
        return set(answers) == {200} and self.log.count("Booting worker") == int(self.env["WEB_CONCURRENCY"])

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._log.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
