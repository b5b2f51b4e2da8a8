"""The CSRF token of a page: another text in each response, so that its compressed length says nothing about it.

Pages are compressed. If the same secret stood in each of them, beside text that somebody else chooses, the length of
many responses would give it away (BREACH, CVE-2013-3587): docs/decisions/0023-compression.md.
"""

from __future__ import annotations

import base64
import binascii
import secrets

from flask import Flask, g
from flask_wtf.csrf import CSRFProtect, generate_csrf
from markupsafe import Markup


class MaskedCsrf(CSRFProtect):  # type: ignore[misc]
    """Flask-WTF's protection, with tokens that are masked for pages and unmasked when they come back."""

    def init_app(self, app: Flask) -> None:
        super().init_app(app)
        app.jinja_env.globals.update(csrf_token=masked_token, csrf_field=hidden_field)
        app.context_processor(lambda: {"csrf_token": masked_token})

    def _get_csrf_token(self) -> str | None:
        token = super()._get_csrf_token()
        return unmask(token) if token else None


def masked_token() -> str:
    """The token for this response: the same in all of its forms, and in no other response."""
    if "masked_csrf_token" not in g:
        g.masked_csrf_token = mask(generate_csrf())
    masked: str = g.masked_csrf_token
    return masked


def hidden_field() -> Markup:
    """The field that each form has which is sent from a session."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(masked_token())


def mask(token: str) -> str:
    """Random bytes, and the token's combined with them."""
    plain = token.encode()
    pad = secrets.token_bytes(len(plain))
    return base64.urlsafe_b64encode(pad + _combined(plain, pad)).decode()


def unmask(masked: str) -> str:
    """The token; an empty text, which is no token, for what was not masked here."""
    try:
        both = base64.b64decode(masked, b"-_", validate=True)
    except (binascii.Error, ValueError):
        return ""
    half = len(both) // 2
    return _combined(both[half:], both[:half]).decode("ascii", "replace")


def _combined(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=False))
