"""The cast of every test: alice buys, bob sells, olive operates, mallory must see nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from access.principal import Principal, Role
from access.tokens import Tokens
from foundation.settings import Settings


class Answer(Protocol):
    """What both the test client and a real HTTP client answer with."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Any: ...


class Send(Protocol):
    """How a person's requests travel: in this process, or over a socket."""

    def __call__(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[Answer, Any]: ...


@dataclass
class Person:
    """Somebody with a token, who speaks to the API."""

    principal: Principal
    token: str
    send: Send

    @property
    def id(self) -> int:
        return self.principal.id

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """Send a request; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer, content = self.send(method, path, {"Authorization": f"Bearer {self.token}"} | named, body)
        return Reply(answer.status_code, dict(answer.headers), content)

    def get(self, path: str, **headers: str) -> Reply:
        return self.request("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Reply:
        return self.request("POST", path, body, **headers)

    def move(self, order_id: int, to: str, reason: str | None = None, *, tracking: Any = None, **headers: str) -> Reply:
        """Change an order's status."""
        body = {"status": to} | ({"reason": reason} if reason else {}) | ({"tracking": tracking} if tracking else {})
        return self.request("PATCH", f"/api/orders/{order_id}/status", body, **headers)

    def order(self, order_id: int) -> Any:
        """The order as this person sees it."""
        return self.get(f"/api/orders/{order_id}").json


@dataclass
class Reply:
    """An answer, with its JSON where it has some."""

    status: int
    headers: dict[str, str]
    json: Any


@dataclass
class Cast:
    """Everybody."""

    alice: Person
    bob: Person
    olive: Person
    mallory: Person
    shop: Person
    """The marketplace's own system: places orders."""

    def place(self, **changes: Any) -> Any:
        """An order that alice placed with bob."""
        reply = self.shop.post("/api/orders", new_order(self.bob.id, self.alice.id) | changes)
        assert reply.status == 201, reply
        return reply.json


def assemble(settings: Settings, send: Send, first_id: int = 1) -> Cast:
    """The cast with ids of its own from `first_id` on, so that tests on one server do not see each other."""
    tokens = Tokens.of(settings)

    def person(role: Role, id: int) -> Person:
        return Person(Principal(role, id), tokens.issue(role, id), send)

    return Cast(
        alice=person("buyer", first_id),
        bob=person("seller", first_id),
        olive=person("operator", first_id),
        mallory=person("seller", first_id + 1),
        shop=person("service", first_id),
    )


def new_order(seller: int, buyer: int) -> dict[str, Any]:
    """The body of a POST /api/orders."""
    mugs = {"sku": "MUG-1", "title": "Blue mug", "quantity": 2, "unit_price_minor": 1250}
    spoon = {"sku": "SPOON", "title": "Spoon", "quantity": 1, "unit_price_minor": 300}
    return {
        "seller_id": seller,
        "buyer_id": buyer,
        "currency": "EUR",
        "buyer_name": "Alice Archer",
        "buyer_email": "alice@example.org",
        "items": [mugs, spoon],
    }
