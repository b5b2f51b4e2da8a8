"""A cookie with the accounts that somebody has signed in to on this device; it grants nothing by itself.

Strangers' attempts do not count against such a device, nor its attempts against them; see `throttle`.
"""

from __future__ import annotations

import hashlib
import secrets

from flask import Request
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from access.people import plain
from foundation.settings import Settings

COOKIE = "onward_device"
PATH = "/sign-in"
"""The only path that it is sent to."""

KNOWN_SECONDS = 365 * 24 * 3600
MOST_ACCOUNTS = 5
"""Maximum accounts per device; the till of a shop has a few, and a cookie has to stay short."""

DEVICE_SALT = "onward: a device that is known"


class Devices:
    """Reads and writes the cookie."""

    def __init__(self, settings: Settings) -> None:
        self._signer = URLSafeTimedSerializer(settings.signing_keys, salt=DEVICE_SALT)
        self._secure = settings.secure_cookies

    def name(self, request: Request, email: str) -> str:
        """The name of this device if somebody has signed in to the account on it; empty otherwise."""
        name, accounts = self._read(request)
        return name if _account(email) in accounts else ""

    def remember(self, request: Request, response: Response, email: str) -> None:
        """Record that somebody has signed in to the account on this device."""
        name, accounts = self._read(request)
        account = _account(email)
        known = [account, *(one for one in accounts if one != account)][:MOST_ACCOUNTS]
        value = self._signer.dumps([name or secrets.token_urlsafe(16), known])
        response.set_cookie(
            COOKIE, value, KNOWN_SECONDS, path=PATH, secure=self._secure, httponly=True, samesite="Strict"
        )

    def _read(self, request: Request) -> tuple[str, list[str]]:
        try:
            name, accounts = self._signer.loads(request.cookies.get(COOKIE, ""), max_age=KNOWN_SECONDS)
        except BadSignature:
            return "", []
        return name, accounts


def _account(email: str) -> str:
    """The account as the cookie names it: a hash, so that others who use the device cannot read addresses in it."""
    return hashlib.sha256(plain(email).encode("utf-8", "replace")).hexdigest()[:24]
