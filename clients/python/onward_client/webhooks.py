"""Verifies webhooks as Standard Webhooks signs them (standardwebhooks.com, version 1), and reads their events."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from onward_client.events import Event

TOLERANCE_SECONDS = 300
PREFIX = "whsec_"


class WebhookRefused(Exception):
    """The request is not what the service sent, or was sent too long ago: answer 400, and do nothing else."""


class Webhook:
    """Verifies what is sent to one endpoint; of several secrets, any one counts (while it is rotated, there are two).

    Raises ValueError for a secret that is none.
    """

    def __init__(self, secrets: str | Sequence[str], *, tolerance: float = TOLERANCE_SECONDS) -> None:
        given = [secrets] if isinstance(secrets, str) else secrets
        self._secrets = [_key(one) for one in given]
        if not self._secrets:
            raise ValueError("There is no secret.")
        self._tolerance = tolerance

    def verify(self, body: bytes | str, headers: Mapping[str, str], *, now: float | None = None) -> Event:
        """The event in this body, which must be exactly as received. Its id stays the same if it comes again.

        Raises WebhookRefused.
        """
        content = body.encode() if isinstance(body, str) else body
        id, timestamp, signatures = _fields(headers)
        self._check_age(timestamp, time.time() if now is None else now)
        signed = f"{id}.{timestamp}.".encode() + content
        if not self._is_signed(signed, signatures):
            raise WebhookRefused("No signature is right.")
        try:
            data = json.loads(content)
        except ValueError as error:
            raise WebhookRefused("The body is not JSON.") from error
        if not isinstance(data, dict):
            raise WebhookRefused("The body is not an event.")
        return Event(id, _type_of(data), data)

    def _check_age(self, timestamp: str, now: float) -> None:
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise WebhookRefused("webhook-timestamp is not a time.")
        if abs(now - int(timestamp)) > self._tolerance:
            raise WebhookRefused("The webhook was sent too long ago, or the clocks differ.")

    def _is_signed(self, signed: bytes, signatures: str) -> bool:
        """Whether any signature is of any secret. All are compared, each in constant time."""
        expected = [base64.b64encode(hmac.digest(one, signed, hashlib.sha256)) for one in self._secrets]
        right = False
        for signature in signatures.split(" "):
            version, _, text = signature.partition(",")
            for one in expected:
                right |= version == "v1" and hmac.compare_digest(text.encode(), one)
        return right


def _key(secret: str) -> bytes:
    text = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("The secret is not base64.") from None
    if not key:
        raise ValueError("The secret is empty.")
    return key


def _fields(headers: Mapping[str, str]) -> tuple[str, str, str]:
    """Id, timestamp and signatures, however the names are written."""
    given = {name.lower(): value for name, value in headers.items()}
    found = [given.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")]
    if not all(found):
        raise WebhookRefused("webhook-id, webhook-timestamp or webhook-signature is missing.")
    return found[0], found[1], found[2]


def _type_of(data: Mapping[str, Any]) -> str:
    type = data.get("type")
    return type if isinstance(type, str) else ""
