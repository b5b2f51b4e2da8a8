"""Bearer tokens: JWTs (RFC 7519), signed with our own secret or with a key of whoever signs for us."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt

from access.keys import OWN, Keys
from access.principal import ROLES, Principal, Role
from access.revocations import Revocations
from foundation import clock
from foundation.contract import LARGEST_ID
from foundation.errors import Unauthorized
from foundation.settings import Settings

ALGORITHMS = (OWN, "RS256", "EdDSA")
REQUIRED_CLAIMS = ["exp", "iat", "iss", "aud", "sub", "role"]
TYPES = ("jwt", "at+jwt")
"""What `typ` may say, if anything: a token that was signed for another purpose is no proof (RFC 8725, section 3.11)."""

LATEST = 253402300799
"""The last second of the year 9999, beyond which no date can be written."""

LIFETIME_SECONDS = 24 * 3600
"""How long a token from `flask token` is valid."""


@lru_cache(256)
def _header(segment: str) -> dict[str, Any]:
    """A token's header by its text, which all tokens of one issuer share; raises PyJWTError."""
    return jwt.get_unverified_header(f"{segment}.e30.")


@dataclass(frozen=True, slots=True)
class Proof:
    """Who has shown it, and until when that may be believed without looking again."""

    principal: Principal
    until: float
    """Seconds since 1970."""


@dataclass
class Tokens:
    """Issues and verifies the tokens of one installation."""

    keys: Keys
    issuer: str
    audience: str
    demo: bool = False
    """Whether what the demo has given out is good."""

    now: Callable[[], float] = clock.unix_seconds

    def __post_init__(self) -> None:
        self.revocations = Revocations()

    @classmethod
    def of(cls, settings: Settings) -> Tokens:
        return cls(Keys.of(settings), settings.jwt_issuer, settings.jwt_audience, settings.demo)

    def issue(self, role: Role, subject: int, lifetime: float = LIFETIME_SECONDS, **claims: Any) -> str:
        """A token for `role` with the id `subject`, valid for `lifetime` seconds; `demo=True` ends it with the demo."""
        now = self.now()
        claims |= {"sub": str(subject), "role": role, "iat": int(now), "exp": int(now + lifetime)}
        claims |= {"iss": self.issuer, "aud": self.audience, "jti": secrets.token_hex(8)}
        return jwt.encode(claims, self.keys.secrets[0], algorithm=OWN)

    def verify(self, token: str) -> Proof:
        """Who holds this token; raises Unauthorized when it is not ours, not whole, taken back or no longer valid."""
        claims = self._claims(token)
        role, subject, expires_at = claims["role"], claims["sub"], _seconds(claims["exp"])
        if role not in ROLES or not (subject.isascii() and subject.isdigit() and 0 < int(subject[:20]) <= LARGEST_ID):
            raise Unauthorized("The token names nobody that this service knows.")
        if expires_at <= self.now():
            raise Unauthorized("The token has expired.")
        principal = Principal(role, int(subject), expires_at, proof=_name(claims), demo=bool(claims.get("demo")))
        if principal.demo and not self.demo:
            raise Unauthorized("The token was issued for a demo that has ended.")
        if self.revocations.refuse(principal, _seconds(claims["iat"])):
            raise Unauthorized("The token was revoked.")
        return Proof(principal, expires_at)

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            header = _header(token.partition(".")[0])
        except (jwt.PyJWTError, ValueError) as error:
            raise Unauthorized("The token is not valid.") from error
        algorithm, kind = header.get("alg"), header.get("typ") or TYPES[0]
        if algorithm not in ALGORITHMS or not isinstance(kind, str) or kind.lower() not in TYPES:
            raise Unauthorized("The token is not valid.")
        for key in self.keys.matching(algorithm, str(header.get("kid") or "")):
            try:
                return self._decode(token, key, algorithm)
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
                raise Unauthorized("The token is not valid.") from error
        if algorithm != OWN:
            self.keys.ask()
        raise Unauthorized("The token is not valid.")

    def _decode(self, token: str, key: Any, algorithm: str) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=self.issuer,
            audience=self.audience,
            options={"require": REQUIRED_CLAIMS, "verify_exp": False},
        )


def _name(claims: dict[str, Any]) -> str:
    """A token without an id has no name of its own: it can be taken back with all others of its principal only."""
    return f"jti:{claims['jti']}" if claims.get("jti") else ""


def _seconds(claim: object) -> float:
    """A NumericDate; whatever else stands there is refused, since a date that compares with nothing never ends."""
    if isinstance(claim, int | float) and not isinstance(claim, bool) and 0 <= claim <= LATEST:
        return float(claim)
    raise Unauthorized("The token is not valid.")
