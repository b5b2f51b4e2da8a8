"""Receivers of webhooks in the process of a proof: they fail, hang and accept as chance has it, and note what came."""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from socket import socket
from typing import Any

import orjson
from gevent.server import StreamServer
from standardwebhooks import Webhook, WebhookVerificationError

from chaos.service import Service
from foundation import clock

HANG_SECONDS = 30.0
"""Longer than a delivery may take: whoever hangs has accepted nothing."""

PATH = re.compile(rb"POST /(\d+) ")
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
PIECE = 65536


@dataclass(frozen=True)
class Accepted:
    """A delivery that was answered with 200."""

    id: str
    order: int
    version: int
    at: float


@dataclass
class Endpoint:
    """One of them."""

    seller: int
    secret: str = ""
    accepted: list[Accepted] = field(default_factory=list)
    calls: int = 0
    at_once: int = 0
    most_at_once: int = 0
    hangs: bool = False


class Endpoints:
    """A server for all of them, on one port: the path is the number."""

    def __init__(self, rng: Random, failing: float = 0.0, hanging: float = 0.0) -> None:
        """`failing` is the share of calls that are answered with an error, `hanging` of those that are not answered."""
        self._rng = rng
        self.failing, self.hanging = failing, hanging
        self.all: list[Endpoint] = []
        self.unverified: Counter[str] = Counter()
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()

    def register(self, service: Service, seller: int, **more: Any) -> Endpoint:
        """An endpoint of this seller for changes of status, created through the API."""
        endpoint = Endpoint(seller)
        self.all.append(endpoint)
        url = f"http://127.0.0.1:{self._server.server_port}/{len(self.all) - 1}"
        body = {"url": url, "event_types": ["order.status_changed"], **more}
        endpoint.secret = service.post("/api/webhooks", body, service.token("seller", seller))["secret"]
        return endpoint

    def stop(self) -> None:
        """Answer nothing more."""
        self._server.stop(timeout=1)

    def _serve(self, client: socket, _: object) -> None:
        with suppress(OSError), client:
            received = b""
            while True:
                while (end := received.find(b"\r\n\r\n")) < 0:
                    received += _more(client)
                head, received = received[: end + 2], received[end + 4 :]
                length = LENGTH.search(head)
                while length and len(received) < int(length[1]):
                    received += _more(client)
                size = int(length[1]) if length else 0
                body, received = received[:size], received[size:]
                self._answer(client, head, body)

    def _answer(self, client: socket, head: bytes, body: bytes) -> None:
        path = PATH.match(head)
        endpoint = self.all[int(path[1])] if path else Endpoint(0)
        endpoint.calls += 1
        endpoint.at_once += 1
        endpoint.most_at_once = max(endpoint.most_at_once, endpoint.at_once)
        try:
            status = self._status(endpoint, client)
            if status == 200:
                self._accept(endpoint, head, body)
            client.sendall(b"HTTP/1.1 %d Chance\r\nContent-Length: 0\r\n\r\n" % status)
        finally:
            endpoint.at_once -= 1

    def _status(self, endpoint: Endpoint, client: socket) -> int:
        chance = self._rng.random()
        if endpoint.hangs or chance < self.hanging:
            self._hang(endpoint, client)
            raise OSError("it has hung")
        return self._rng.choice((500, 502, 503, 429, 404)) if chance < self.hanging + self.failing else 200

    def _hang(self, endpoint: Endpoint, client: socket) -> None:
        """Answer nothing until the caller gives up, or the endpoint is well again."""
        always, ends = endpoint.hangs, clock.monotonic() + HANG_SECONDS
        client.settimeout(0.1)
        while clock.monotonic() < ends and (endpoint.hangs or not always):
            with suppress(TimeoutError):
                client.recv(PIECE)
                return

    def _accept(self, endpoint: Endpoint, head: bytes, body: bytes) -> None:
        lines = (line.decode().partition(": ") for line in head.split(b"\r\n")[1:] if line)
        headers = {name.lower(): value for name, _, value in lines}
        try:
            Webhook(endpoint.secret).verify(body, headers)
        except WebhookVerificationError as error:
            self.unverified[str(error)] += 1
        said = orjson.loads(body)
        accepted = Accepted(headers["webhook-id"], said["order"]["id"], said["version"], clock.monotonic())
        endpoint.accepted.append(accepted)


def _more(client: socket) -> bytes:
    """What the caller sends next; raises OSError if it has closed, be it in the middle of a body."""
    if not (piece := client.recv(PIECE)):
        raise OSError("the caller has closed")
    return bytes(piece)
