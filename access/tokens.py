"""Bearer tokens: JWTs (RFC 7519) signed with HS256, verified once and remembered until they expire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jwt

from access.principal import ROLES, Principal, Role
from foundation import clock
from foundation.contract import LARGEST_ID
from foundation.errors import Unauthorized
from foundation.settings import Settings

ALGORITHM = "HS256"
REQUIRED_CLAIMS = ["exp", "iat", "iss", "aud", "sub", "role"]
LIFETIME_SECONDS = 24 * 3600
"""How long a token from `flask token` is valid."""

CACHE_SIZE = 4096
"""Verified tokens remembered per process; PyJWT needs 54 us for what a look-up does in 0.2."""


@dataclass
class Tokens:
    """Issues and verifies the tokens of one installation."""

    secret: str
    issuer: str
    audience: str
    now: Callable[[], float] = clock.unix_seconds

    def __post_init__(self) -> None:
        self._verified: dict[str, Principal] = {}

    @classmethod
    def of(cls, settings: Settings) -> Tokens:
        return cls(settings.jwt_secret, settings.jwt_issuer, settings.jwt_audience)

    def issue(self, role: Role, subject: int, lifetime: float = LIFETIME_SECONDS) -> str:
        """A token for `role` with the id `subject`, valid for `lifetime` seconds."""
        now = self.now()
        claims = {"sub": str(subject), "role": role, "iat": int(now), "exp": int(now + lifetime)}
        return jwt.encode(claims | {"iss": self.issuer, "aud": self.audience}, self.secret, algorithm=ALGORITHM)

    def verify(self, token: str) -> Principal:
        """Who holds this token; raises Unauthorized when it is not ours, not whole or no longer valid."""
        principal = self._verified.get(token)
        if principal is None:
            principal = self._decode(token)
            if len(self._verified) >= CACHE_SIZE:
                # The oldest leaves; a dict keeps the order of arrival.
                self._verified.pop(next(iter(self._verified)))
            self._verified[token] = principal
        if principal.expires_at is not None and principal.expires_at <= self.now():
            self._verified.pop(token, None)
            raise Unauthorized("The token has expired.")
        return principal

    def _decode(self, token: str) -> Principal:
        try:
            claims = jwt.decode(
                token,
                self.secret,
                algorithms=[ALGORITHM],
                issuer=self.issuer,
                audience=self.audience,
                options={"require": REQUIRED_CLAIMS, "verify_exp": False},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise Unauthorized("The token is not valid.") from error
        role, subject = claims["role"], claims["sub"]
        if role not in ROLES or not (subject.isascii() and subject.isdigit() and 0 < int(subject) <= LARGEST_ID):
            raise Unauthorized("The token names nobody that this service knows.")
        return Principal(role, int(subject), expires_at=float(claims["exp"]))
