"""Signatures of deliveries, as Standard Webhooks has them: HMAC-SHA256 over id, timestamp and body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
"""What the text of a secret begins with, so that people and scanners recognise one."""

SECRET_BYTES = 32
"""Of a new secret; the specification asks for 24 to 64."""

FEWEST_BYTES, MOST_BYTES = 24, 64


def signed(signing_secrets: Sequence[bytes], id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers of one attempt: the id stays over retries, the timestamp, in Unix seconds, is that of the attempt.

    One signature for each secret: while a secret is being replaced, a receiver knows either the old one or the new.
    """
    content = f"{id}.{timestamp}.".encode() + body
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_mac(secret, content)}" for secret in signing_secrets),
    }


def new_secret() -> bytes:
    """A secret for an endpoint."""
    return secrets.token_bytes(SECRET_BYTES)


def secret_text(secret: bytes) -> str:
    """The form in which people are given it, and in which libraries take it."""
    return PREFIX + base64.b64encode(secret).decode()


def secret_of(text: str) -> bytes:
    """The secret of such a text; raises ValueError for any other."""
    try:
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"A secret is {PREFIX} and base64.") from error
    if not text.startswith(PREFIX) or not FEWEST_BYTES <= len(secret) <= MOST_BYTES:
        raise ValueError(f"A secret is {PREFIX} and {FEWEST_BYTES} to {MOST_BYTES} bytes in base64.")
    return secret


def _mac(secret: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()
