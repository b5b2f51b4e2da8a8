"""Clients that change orders, repeat unanswered requests with the same key, and record every 200."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from random import Random
from typing import Any

import gevent
import orjson

from access.principal import Role
from chaos.service import Service
from foundation import clock

PATH = ("CONFIRMED", "PREPARING", "READY", "SHIPPED", "DELIVERED", "COMPLETED")
"""The path of each order: five changes by the seller and a last one by the buyer."""

REQUEST_SECONDS = 5.0
PATIENCE_SECONDS = 60.0
"""A client gives up after this time without a 200, and the proof has failed."""

PAUSE_SECONDS = (0.05, 0.25)
"""Pause before a repetition: less than Retry-After says, so that the first possible 200 is seen."""


@dataclass(frozen=True)
class Order:
    """A new order, and its two sides."""

    id: int
    seller: int
    buyer: int


@dataclass(frozen=True)
class Acknowledged:
    """One 200: what the service says has happened."""

    order: int
    version: int
    status: str
    key: str
    at: float
    seconds: float
    """How long the successful request took."""


@dataclass
class Load:
    """Changes orders along their path from several clients; each order belongs to one client at a time."""

    service: Service
    rng: Random
    orders: deque[Order]
    per_second: float = 0.0
    """Changes per second of all clients together; 0 for no limit."""

    moves: tuple[str, ...] = PATH
    acknowledged: list[Acknowledged] = field(default_factory=list)
    refused: list[tuple[float, int, float]] = field(default_factory=list)
    """(time, status, seconds) of every response that was not a 200."""

    broken: int = 0
    """Requests whose connection broke or timed out."""

    without_retry_after: int = 0
    given_up: list[str] = field(default_factory=list)
    stopping: bool = False

    def __post_init__(self) -> None:
        self._clients: list[gevent.Greenlet[..., None]] = []
        self._next_at = clock.monotonic()
        self._tokens: dict[tuple[Role, int], str] = {}

    def start(self, clients: int) -> None:
        """Start this many clients."""
        self._clients = [gevent.spawn(self._work, number) for number in range(clients)]

    def wait(self) -> None:
        """Return when all orders have reached the end of their path."""
        gevent.joinall(self._clients, raise_error=True)

    def stop(self) -> None:
        """Let every client finish its current change, and start no other."""
        self.stopping = True
        self.wait()

    def wait_for(self, count: int) -> None:
        """Return when this many changes were acknowledged."""
        self.until(lambda: len(self.acknowledged) >= count)

    @property
    def busy(self) -> bool:
        """Whether a client is still active."""
        return any(not one.dead for one in self._clients)

    def until(self, fact: Callable[[], Any]) -> None:
        """Return when it is true, or when there are no clients left."""
        while not fact() and self.busy:
            gevent.sleep(0.02)

    @property
    def statuses(self) -> Counter[int]:
        """How often each status but 200 was returned."""
        return Counter(status for _, status, _ in self.refused)

    def add(self, other: Load) -> None:
        """Add the records of another load to ours."""
        self.acknowledged += other.acknowledged
        self.refused += other.refused
        self.given_up += other.given_up
        self.broken += other.broken
        self.without_retry_after += other.without_retry_after

    def change(self, order: Order, status: str, key: str, reason: str = "") -> None:
        """Make one change, now."""
        connection = HTTPConnection("127.0.0.1", self.service.port, timeout=REQUEST_SECONDS)
        self._move(connection, order, status, key, reason)
        connection.close()

    def _work(self, number: int) -> None:
        connection = HTTPConnection("127.0.0.1", self.service.port, timeout=REQUEST_SECONDS)
        while self.orders and not self.stopping:
            order = self.orders.popleft()
            for step, status in enumerate(self.moves):
                if self.stopping:
                    break
                self._keep_pace()
                self._move(connection, order, status, f"{number}-{order.id}-{step}-{self.rng.getrandbits(32):x}")
        connection.close()

    def _keep_pace(self) -> None:
        if self.per_second:
            self._next_at = max(self._next_at, clock.monotonic() - 1) + 1 / self.per_second
            gevent.sleep(max(0.0, self._next_at - clock.monotonic()))

    def _move(self, connection: HTTPConnection, order: Order, status: str, key: str, reason: str = "") -> None:
        """Send it until it is acknowledged."""
        ends = clock.monotonic() + PATIENCE_SECONDS
        headers = {
            "Authorization": f"Bearer {self._token(order, status)}",
            "Idempotency-Key": key,
            "Content-Type": "application/json",
        }
        body = orjson.dumps({"status": status} | ({"reason": reason} if reason else {}))
        while clock.monotonic() < ends:
            if self._sent(connection, order, status, key, body, headers):
                return
            gevent.sleep(self.rng.uniform(*PAUSE_SECONDS))
        self.given_up.append(key)

    def _sent(
        self, connection: HTTPConnection, order: Order, status: str, key: str, body: bytes, headers: dict[str, str]
    ) -> bool:
        begun = clock.monotonic()
        try:
            connection.request("PATCH", f"/api/orders/{order.id}/status", body, headers)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, HTTPException):
            connection.close()
            self.broken += 1
            return False
        now = clock.monotonic()
        if answer.status == 200:
            version = orjson.loads(said)["version"]
            self.acknowledged.append(Acknowledged(order.id, version, status, key, now, now - begun))
            return True
        self.refused.append((now, answer.status, now - begun))
        self.without_retry_after += answer.status == 503 and not answer.headers.get("Retry-After")
        return False

    def _token(self, order: Order, status: str) -> str:
        who: tuple[Role, int] = ("buyer", order.buyer) if status == "COMPLETED" else ("seller", order.seller)
        if who not in self._tokens:
            self._tokens[who] = self.service.token(*who)
        return self._tokens[who]
