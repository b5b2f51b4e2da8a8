"""Bearer tokens: JWTs (RFC 7519), signed with our own secret or with a key of another issuer."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt
from jwt.exceptions import InvalidJTIError, InvalidSubjectError

from access.credential_cache import Credential
from access.keys import OWN, Keys
from access.own_tokens import OwnTokens
from access.principal import ROLES, Principal, Role
from access.revocations import Revocations
from foundation import clock
from foundation.contract import ID_DIGITS, LARGEST_ID
from foundation.errors import Unauthorized
from foundation.settings import Settings

ALGORITHMS = (OWN, "RS256", "EdDSA")
REQUIRED_CLAIMS = ["exp", "iat", "iss", "aud", "sub", "role"]
TYPES = ("jwt", "at+jwt")
"""Accepted values of `typ`, if present: a token signed for another purpose is not a credential (RFC 8725, section
3.11)."""

LATEST = 253402300799
"""The last second of the year 9999, the latest date that can be represented."""

CLAIM_ERRORS = (
    jwt.MissingRequiredClaimError,
    jwt.InvalidIssuerError,
    jwt.InvalidAudienceError,
    InvalidSubjectError,
    InvalidJTIError,
)
"""PyJWT's errors about claims, which it checks after the signature."""

LIFETIME_SECONDS = 24 * 3600
"""How long a token from `flask token` is valid."""


@lru_cache(256)
def _header(segment: str) -> dict[str, Any]:
    """A token's header by its text, which all tokens of one issuer share; raises PyJWTError."""
    return jwt.get_unverified_header(f"{segment}.e30.")


@dataclass
class Tokens:
    """Issues and verifies the tokens of one installation."""

    keys: Keys
    issuer: str
    audience: str
    leeway: float = 30.0
    """Seconds that a token may be ahead of this clock."""

    demo: bool = False
    """Whether tokens issued for the demo are valid."""

    now: Callable[[], float] = clock.unix_seconds

    def __post_init__(self) -> None:
        self.revocations = Revocations()
        self._own = OwnTokens(self.keys.secrets, self.issuer, self.audience)

    @classmethod
    def of(cls, settings: Settings) -> Tokens:
        return cls(
            Keys.of(settings),
            settings.jwt_issuer,
            settings.jwt_audience,
            leeway=settings.clock_leeway_seconds,
            demo=settings.demo,
        )

    def issue(self, role: Role, subject: int, lifetime: float = LIFETIME_SECONDS, **claims: Any) -> str:
        """A token for `role` with the id `subject`, valid for `lifetime` seconds; `demo=True` ends it with the demo."""
        now = self.now()
        claims |= {"sub": str(subject), "role": role, "iat": int(now), "exp": int(now + lifetime)}
        claims |= {"iss": self.issuer, "aud": self.audience, "jti": secrets.token_hex(8)}
        return jwt.encode(claims, self.keys.secrets[0], algorithm=OWN)

    def verify(self, token: str) -> Credential:
        """Verify a token; raises Unauthorized if it is forged, incomplete, revoked or not valid now.

        For a correctly signed token the error says what is wrong; for any other, only that it is not valid.
        """
        claims, algorithm = self._claims(token)
        role, subject, expires_at = claims["role"], claims["sub"], _seconds(claims, "exp")
        if role not in ROLES:
            raise Unauthorized("Unknown role or subject in token.")
        if not (subject.isascii() and subject.isdigit() and len(subject) <= ID_DIGITS):
            raise Unauthorized("Unknown role or subject in token: sub is not an id.")
        if not 0 < int(subject) <= LARGEST_ID:
            raise Unauthorized("Unknown role or subject in token: sub is not an id.")
        issued_at = self._times(claims, expires_at)
        principal = Principal(role, int(subject), expires_at, credential=_name(claims), demo=bool(claims.get("demo")))
        if principal.demo and not self.demo:
            raise Unauthorized("The token was issued for the demo, which is switched off.")
        # An issuer with its own key may have a clock that is ahead: a token from before a revocation can look as if it
        # were issued after it.
        if self.revocations.refuse(principal, issued_at - (0 if algorithm == OWN else self.leeway)):
            raise Unauthorized("The token was revoked.")
        return Credential(principal, expires_at)

    def _times(self, claims: dict[str, Any], expires_at: float) -> float:
        """When the token was issued; raises Unauthorized if it is not valid now.

        Clocks differ, so `iat` may be a little ahead of ours (RFC 7519, section 4.1.5). `exp` has no leeway: the leeway
        that section 4.1.4 allows would extend every token beyond what its issuer set, and the cost of an early end is a
        new token.
        """
        now = self.now()
        if expires_at <= now:
            raise Unauthorized(f"The token expired {math.ceil(now - expires_at)} s ago.")
        for name in ("nbf", "iat"):
            ahead = _seconds(claims, name) - now if name in claims else 0
            if ahead > self.leeway:
                raise Unauthorized(f"The token is not valid yet: its {name} is {math.ceil(ahead)} s ahead.")
        return _seconds(claims, "iat")

    def _claims(self, token: str) -> tuple[dict[str, Any], str]:
        """The claims of a correctly signed token, and its algorithm."""
        if (own := self._own.claims(token)) is not None:
            return own, OWN
        try:
            header = _header(token.partition(".")[0])
        except (jwt.PyJWTError, ValueError) as error:
            raise Unauthorized("The token is not valid.") from error
        algorithm, kind = header.get("alg"), header.get("typ") or TYPES[0]
        if algorithm not in ALGORITHMS or not isinstance(kind, str) or kind.lower() not in TYPES:
            raise Unauthorized("The token is not valid.")
        for key in self.keys.matching(algorithm, str(header.get("kid") or "")):
            try:
                return self._decode(token, key, algorithm), algorithm
            except jwt.InvalidSignatureError:
                continue
            except CLAIM_ERRORS as error:
                raise Unauthorized(self._why(error)) from error
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
            options={"require": REQUIRED_CLAIMS, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )

    def _why(self, error: jwt.PyJWTError) -> str:
        """What is wrong with the claims of a correctly signed token."""
        match error:
            case jwt.MissingRequiredClaimError():
                return f"The token has no {error.claim}."
            case jwt.InvalidIssuerError():
                return f"The token's iss is not {self.issuer}."
            case jwt.InvalidAudienceError():
                return f"The token's aud does not name {self.audience}."
        return "The token's sub or jti is not a string."


def _name(claims: dict[str, Any]) -> str:
    """A token without an id has no name of its own: it can only be revoked with all others of its principal."""
    return f"jti:{claims['jti']}" if claims.get("jti") else ""


def _seconds(claims: dict[str, Any], name: str) -> float:
    """A NumericDate; anything else is refused, since a value that compares with nothing would never expire."""
    claim = claims[name]
    if isinstance(claim, int | float) and not isinstance(claim, bool) and 0 <= claim <= LATEST:
        return float(claim)
    raise Unauthorized(f"The token's {name} is not a date.")
