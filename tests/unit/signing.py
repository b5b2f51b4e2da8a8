"""Key pairs, and tokens signed with them."""

from __future__ import annotations

import json
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from access.revocations import Revocations

Private = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey

CLAIMS = {"sub": "7", "role": "seller", "iss": "onward", "aud": "onward", "iat": 0, "exp": 4_000_000_000}
RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
ED = ed25519.Ed25519PrivateKey.generate()
EC = ec.generate_private_key(ec.SECP256R1())


def jwk(private: Private, **members: str) -> dict[str, Any]:
    """A key's public half, as an identity provider writes it."""
    if isinstance(private, rsa.RSAPrivateKey):
        written = jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    elif isinstance(private, ec.EllipticCurvePrivateKey):
        written = jwt.algorithms.ECAlgorithm.to_jwk(private.public_key(), as_dict=True)
    else:
        written = jwt.algorithms.OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return written | members


def jwks(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"keys": entries}).encode()


def pem(private: Private) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return private.public_key().public_bytes(serialization.Encoding.PEM, form)


def sign(
    key: Private | str, algorithm: str, kid: str | None = None, claims: dict[str, Any] | None = None, **header: Any
) -> str:
    """A token of the seller 7, in whatever way it is wanted."""
    return jwt.encode(CLAIMS | (claims or {}), key, algorithm, headers=header | ({"kid": kid} if kid else {}))


class NothingRevoked(Revocations):
    """Revocations that were read, and there are none."""

    def __init__(self) -> None:
        super().__init__()
        self.known, self._horizon = True, float("-inf")

    def refuse(self, *_: object) -> bool:
        return False
