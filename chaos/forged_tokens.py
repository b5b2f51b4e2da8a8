"""S5: forged, altered, expired and revoked tokens at every entrance, each beside an honest one."""

from __future__ import annotations

import base64
import hmac
import random
import string
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from tempfile import NamedTemporaryFile
from time import time
from typing import Any

import gevent
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chaos.database import SECRET, Server
from chaos.load import Order
from chaos.report import Report
from chaos.world import World

FOREIGN = "a secret of mallory's own, 32 bytes or more"
ALPHABET = string.ascii_letters + string.digits + "-_.=+/"
REVOKED_AFTER = 1.5
"""Seconds after which every process knows a revocation."""

OWN, OTHER = 1, 2
"""The seller whose orders are at stake, and another one with a valid token."""


@dataclass(frozen=True)
class Forger:
    """What mallory knows: somebody's valid token, the provider's public key, and how tokens are written."""

    rng: random.Random
    token: str
    others: str
    public_key: bytes

    def forged(self) -> dict[str, str]:
        """One token of each kind, none of which may be accepted."""
        header, body, signature = self.token.split(".")
        claims = jwt.decode(self.token, options={"verify_signature": False})
        return {
            "another secret": jwt.encode(claims, FOREIGN),
            "no algorithm": jwt.encode(claims, "", "none"),
            "the public key as a secret": _signed(header, body, self.public_key),
            "another's body": f"{header}.{self.others.split('.')[1]}.{signature}",
            "another role": f"{header}.{_part(orjson.dumps(claims | {'role': 'operator'}))}.{signature}",
            "another header": f"{_part(b'{}')}.{body}.{signature}",
            "no signature": f"{header}.{body}.",
            "a shorter signature": self.token[: -self.rng.randint(1, 42)],
            "a part more": f"{self.token}.{signature}",
            "a longer hash": jwt.encode(claims, SECRET * 2, "HS512"),
            "a key of her own": jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA"),
            "damage": self._damaged(),
            **{f"signed well, {name}": jwt.encode(claims | odd, SECRET) for name, odd in _odd_claims().items()},
        }

    def _damaged(self) -> str:
        """The token with another character in a random place; the last one has two bits that mean nothing."""
        place = self.rng.randrange(len(self.token) - 1)
        others = ALPHABET.replace(self.token[place], "")
        return self.token[:place] + self.rng.choice(others) + self.token[place + 1 :]


def _odd_claims() -> dict[str, dict[str, Any]]:
    """What is not acceptable even in a token with a correct signature."""
    now = int(time())
    return {
        "but expired": {"exp": now - 1},
        "but not valid yet": {"nbf": now + 600},
        "but of tomorrow": {"iat": now + 86400, "exp": now + 2 * 86400},
        "for another audience": {"aud": "elsewhere"},
        "by another issuer": {"iss": "elsewhere"},
        "for no role": {"role": "root"},
        "for no id": {"sub": "0"},
        "without an end": {"exp": None},
        "for the demo": {"demo": True},
    }


def _signed(header: str, body: str, secret: bytes) -> str:
    return f"{header}.{body}.{_part(hmac.digest(secret, f'{header}.{body}'.encode(), 'sha256'))}"


def _part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


@dataclass
class Entrances:
    """Sends requests with a token to each entrance over connections that stay open, and counts the answers."""

    world: World
    order: Order
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._connection = HTTPConnection("127.0.0.1", self.world.service.port, timeout=10)
        self.ways: dict[str, Callable[[str], int]] = {
            "fast PATCH": self._change,
            "PATCH through Flask": lambda token: self._change(token, Prefer="wait=0"),
            "read": lambda token: self.ask(token, "GET", "/api/me"),
            "stream": self._stream,
        }

    def _change(self, token: str, **headers: str) -> int:
        body = b'{"status":"CANCELLED","reason":"forged"}'
        return self.ask(token, "PATCH", f"/api/orders/{self.order.id}/status", body, **headers)

    def ask(self, token: str, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
        """The status of the answer to this request."""
        kind = {"Content-Type": "application/json"} if body else {}
        self._connection.request(method, path, body, {"Authorization": f"Bearer {token}", **kind, **headers})
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def _stream(self, token: str) -> int:
        connection = HTTPConnection("127.0.0.1", self.world.service.port, timeout=10)
        try:
            connection.request("GET", "/api/stream", headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status
        finally:
            connection.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def forged_tokens(server: Server, report: Report) -> None:
    """No forged token is accepted anywhere, no answer is a 5xx, and the honest tokens beside them always are."""
    provider = Ed25519PrivateKey.generate().public_key()
    pem = provider.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    refused: Counter[int] = Counter()
    honest: Counter[int] = Counter()
    with NamedTemporaryFile() as key_file:
        key_file.write(pem)
        key_file.flush()
        with World(server, report, mail=False, JWT_KEY_FILE=key_file.name) as world:
            clients = Entrances(world, next(one for one in world.orders(100) if one.seller == OWN))
            for _ in range(report.either(3, 100)):
                own, other, fresh = (world.service.token("seller", id) for id in (OWN, OTHER, OWN))
                for forged in Forger(report.rng, own, other, pem).forged().values():
                    refused.update(send(forged) for send in clients.ways.values())
                honest.update(clients.ways[name](fresh) for name in ("read", "stream"))
            changed = world.database.number("SELECT count(*) FROM order_events WHERE version > 1")
            passed = _revoked(world, clients)
            clients.close()
    report.tell("requests with a forged token", refused.total())
    report.check("of which were not answered with 401", refused.total() - refused[401], at_most=0)
    report.check("changes made with one", changed, at_most=0)
    report.check("honest requests beside them, not answered with 200", honest.total() - honest[200], at_most=0)
    report.check("requests with a revoked token, not answered with 401", passed, at_most=0)


def _revoked(world: World, clients: Entrances) -> int:
    """Revoke a token that was used everywhere and one that was never used; how many requests with them pass."""
    used, fresh = (world.service.token("seller", OTHER) for _ in range(2))
    for send in clients.ways.values():
        send(used)
    operator = world.service.token("operator", 1)
    body = orjson.dumps({"role": "seller", "id": OTHER, "reason": "left the shop"})
    assert clients.ask(operator, "POST", "/api/ops/revocations", body) == 200
    gevent.sleep(REVOKED_AFTER)
    return sum(send(one) != 401 for one in (used, fresh) for send in clients.ways.values())
