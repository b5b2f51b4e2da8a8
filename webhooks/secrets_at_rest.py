"""Secrets of endpoints as the database has them: encrypted, since they must be known in clear to sign.

The form is `<key id>:<base64url of nonce, ciphertext and tag>`, AES-256-GCM (NIST SP 800-38D). The key's id is
authenticated with it, and says which of WEBHOOK_SECRET_KEYS decrypts: a new key is put first, everything is encrypted
again by `flask webhooks rotate-keys`, then the old one is removed.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12
"""Random ones are safe for 2^32 messages under one key (SP 800-38D, section 8.3)."""


class CannotDecrypt(Exception):
    """A secret was encrypted with a key that is not in WEBHOOK_SECRET_KEYS, or was changed in the database."""


class Keyring:
    """The keys of WEBHOOK_SECRET_KEYS; the first encrypts, each decrypts what it encrypted."""

    def __init__(self, setting: Sequence[tuple[str, bytes]]) -> None:
        self._keys = {name: AESGCM(key) for name, key in setting}
        self._current = setting[0][0] if setting else ""

    def __bool__(self) -> bool:
        """Whether there is any: without one no endpoint can be made, and none is called."""
        return bool(self._keys)

    @property
    def current_prefix(self) -> str:
        """What everything begins with that is encrypted with the newest key."""
        return f"{self._current}:"

    def encrypt(self, secret: bytes) -> str:
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._keys[self._current].encrypt(nonce, secret, self._current.encode())
        return f"{self._current}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def decrypt(self, text: str) -> bytes:
        """The secret; raises CannotDecrypt, which names the key and nothing of the secret."""
        name, _, encoded = text.partition(":")
        if name not in self._keys:
            raise CannotDecrypt(f"WEBHOOK_SECRET_KEYS has no key {name!r}, which encrypted a webhook's secret.")
        try:
            sealed = base64.urlsafe_b64decode(encoded)
            return self._keys[name].decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], name.encode())
        except (binascii.Error, ValueError, InvalidTag) as error:
            raise CannotDecrypt(f"Key {name!r} does not decrypt a webhook's secret: one was changed.") from error
