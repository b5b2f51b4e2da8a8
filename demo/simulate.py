"""Generates traffic through the public API: orders are created and changed, and people write messages."""

from __future__ import annotations

import json
import random
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError

from access.principal import Principal
from access.tokens import Tokens
from dashboard import demo_market as market
from foundation import clock

ORDERS_KEPT_OPEN = 14
"""Beyond this many the simulator finishes orders rather than creating new ones, so that the board stays readable."""

CHATTER = ("When will it arrive?", "Please leave it with the neighbour.", "Thank you!", "Could you wrap it as a gift?")
REPLIES = ("It leaves today.", "Gladly.", "You are welcome.", "Of course.")
TIMEOUT_SECONDS = 10
REFUSALS = 3
"""This many errors in a row are no accident."""
AS_SELLER = market.SELLER.principal


class SimulationRefused(Exception):
    """The service does not work, as the last of three errors in a row says."""


@dataclass
class Simulator:
    """A client that creates and changes orders at a steady rate."""

    url: str
    tokens: Tokens
    per_minute: float
    say: Callable[[str], None]
    rng: random.Random = field(default_factory=random.Random)

    def run(self, seconds: float) -> int:
        """Act until the time is over; returns the number of steps. Raises SimulationRefused after three errors."""
        ends, done, refused = clock.monotonic() + seconds, 0, 0
        while clock.monotonic() < ends:
            try:
                self.say(self.act())
                done, refused = done + 1, 0
            except OSError as error:  # HTTPError and an unreachable service are OSErrors
                refused += 1
                self._complain(error, refused)
            time.sleep(60 / self.per_minute * self.rng.uniform(0.5, 1.5))
        return done

    def _complain(self, error: OSError, refused: int) -> None:
        if isinstance(error, HTTPError):
            problem = f"{self.url} refused: {error.code} {_detail(error)}"
        else:
            problem = f"{self.url} does not answer: {getattr(error, 'reason', error)}"
        self.say(problem)
        if refused >= REFUSALS:
            raise SimulationRefused(
                f"{REFUSALS} times in a row, so this ends here. Does the service run (make run) there?"
            )

    def act(self) -> str:
        """Do one random step; returns a description."""
        orders = [one for one in self._open_orders() if one["allowed_transitions"]]
        chance = self.rng.random()
        if not orders or (chance < 0.25 and len(orders) < ORDERS_KEPT_OPEN):
            return self._place()
        order = self.rng.choice(orders)
        if chance > 0.85:
            return self._chat(order)
        return self._move(order)

    def _open_orders(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call(AS_SELLER, "GET", "/api/orders?limit=60")["orders"]
        return [one for one in found if one["status"] not in ("COMPLETED", "CANCELLED", "REFUNDED")]

    def _place(self) -> str:
        body = market.new_order(self.rng, self.rng.choice(market.BUYERS))
        order = self._call(market.SHOP, "POST", "/api/orders", body)
        return f"order #{order['number']} placed"

    def _move(self, order: dict[str, Any]) -> str:
        who = buyer_of(order) if order["status"] == "DELIVERED" else AS_SELLER
        allowed = self._call(who, "GET", f"/api/orders/{order['id']}")["allowed_transitions"]
        choices = market.next_steps(order["status"], allowed)
        if not choices:
            return self._chat(order)
        body: dict[str, Any] = {"status": choices[0]}
        if choices[0] == "SHIPPED":
            body["tracking"] = market.tracking(order["id"])
        self._call(who, "PATCH", f"/api/orders/{order['id']}/status", body)
        return f"order #{order['number']}: {order['status']} to {choices[0]}"

    def _chat(self, order: dict[str, Any]) -> str:
        path = f"/api/orders/{order['id']}/messages"
        self._call(buyer_of(order), "POST", path, {"body": self.rng.choice(CHATTER)})
        self._call(AS_SELLER, "POST", path, {"body": self.rng.choice(REPLIES)})
        return f"order #{order['number']}: a word between buyer and seller"

    def _call(self, who: Principal, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            self.url + path, method=method, data=json.dumps(body).encode() if body else None
        )
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", f"Bearer {self.tokens.issue(who.role, who.id)}")
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)


def buyer_of(order: dict[str, Any]) -> Principal:
    """The order's buyer: our seller may have orders of other buyers too."""
    return Principal("buyer", order["buyer_id"])


def _detail(error: HTTPError) -> str:
    """The detail of a problem (RFC 9457), otherwise the reason phrase."""
    try:
        return str(json.load(error)["detail"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)
