"""Bearer tokens: JWTs (RFC 7519), signed with our own secret or with a key of whoever signs for us."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt
from jwt.exceptions import InvalidJTIError, InvalidSubjectError

from access.keys import OWN, Keys
from access.principal import ROLES, Principal, Role
from access.revocations import Revocations
from foundation import clock
from foundation.contract import ID_DIGITS, LARGEST_ID
from foundation.errors import Unauthorized
from foundation.settings import Settings

ALGORITHMS = (OWN, "RS256", "EdDSA")
REQUIRED_CLAIMS = ["exp", "iat", "iss", "aud", "sub", "role"]
TYPES = ("jwt", "at+jwt")
"""What `typ` may say, if anything: a token that was signed for another purpose is no proof (RFC 8725, section 3.11)."""

LATEST = 253402300799
"""The last second of the year 9999, beyond which no date can be written."""

CLAIM_ERRORS = (
    jwt.MissingRequiredClaimError,
    jwt.InvalidIssuerError,
    jwt.InvalidAudienceError,
    InvalidSubjectError,
    InvalidJTIError,
)
"""What PyJWT says of a token's claims, which it reads after it has found the signature to be right."""

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
    leeway: float = 30.0
    """Seconds that a token may be ahead of this clock."""

    demo: bool = False
    """Whether what the demo has given out is good."""

    now: Callable[[], float] = clock.unix_seconds

    def __post_init__(self) -> None:
        self.revocations = Revocations()

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

    def verify(self, token: str) -> Proof:
        """Who holds this token; raises Unauthorized when it is not ours, not whole, taken back or not valid now.

        A token that is signed well is told what is wrong with it; of any other, only that it is not valid.
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
        principal = Principal(role, int(subject), expires_at, proof=_name(claims), demo=bool(claims.get("demo")))
        if principal.demo and not self.demo:
            raise Unauthorized("The token was issued for the demo, which is switched off.")
        # Who signs with a key of its own may have a clock that is ahead: what it issued before a revocation looks as if
        # it were issued after.
        if self.revocations.refuse(principal, issued_at - (0 if algorithm == OWN else self.leeway)):
            raise Unauthorized("The token was revoked.")
        return Proof(principal, expires_at)

    def _times(self, claims: dict[str, Any], expires_at: float) -> float:
        """When the token was issued; Unauthorized when it is not valid now.

        Clocks differ, so what is issued may be a little ahead of ours (RFC 7519, section 4.1.5). An end is an end: the
        leeway that section 4.1.4 allows there would make every token live longer than its issuer said, and what an
        early end costs is a new token.
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
        """What a well-signed token says, and the algorithm that it is signed with."""
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
        """What is wrong with the claims of a token whose signature is right."""
        match error:
            case jwt.MissingRequiredClaimError():
                return f"The token has no {error.claim}."
            case jwt.InvalidIssuerError():
                return f"The token's iss is not {self.issuer}."
            case jwt.InvalidAudienceError():
                return f"The token's aud does not name {self.audience}."
        return "The token's sub or jti is not a string."


def _name(claims: dict[str, Any]) -> str:
    """A token without an id has no name of its own: it can be taken back with all others of its principal only."""
    return f"jti:{claims['jti']}" if claims.get("jti") else ""


def _seconds(claims: dict[str, Any], name: str) -> float:
    """A NumericDate; whatever else stands there is refused, since a date that compares with nothing never ends."""
    claim = claims[name]
    if isinstance(claim, int | float) and not isinstance(claim, bool) and 0 <= claim <= LATEST:
        return float(claim)
    raise Unauthorized(f"The token's {name} is not a date.")
