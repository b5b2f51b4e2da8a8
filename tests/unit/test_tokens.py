"""Tokens of every algorithm, and forged in every way that is known."""

from __future__ import annotations

import json

import jwt
import pytest

from access.proofs import CACHE_SIZE
from foundation.errors import Unauthorized
from tests.conftest import SECRET
from tests.unit.signing import CLAIMS, EC, ED, OTHER_RSA, RSA, jwk, pem, sign


@pytest.mark.parametrize(
    ("key", "algorithm"), [(SECRET, "HS256"), (RSA, "RS256"), (ED, "EdDSA")], ids=["HS", "RS", "Ed"]
)
@pytest.mark.parametrize("kid", [True, False], ids=["with a key id", "without"])
def test_a_token_of_each_algorithm_names_its_holder(proofs_with, key, algorithm, kid):
    proofs, _ = proofs_with(jwk(RSA, kid="r"), jwk(ED, kid="e"))
    named = {"RS256": "r", "EdDSA": "e"}.get(algorithm) if kid else None

    assert ("seller", 7) == ((principal := proofs.verify(sign(key, algorithm, named))).role, principal.id)


FORGED = {
    "none": lambda: jwt.encode(CLAIMS, None, "none"),
    "the public key as a secret": lambda: _hmac_with_public_key(),
    "another RSA key": lambda: sign(OTHER_RSA, "RS256", "r"),
    "the right key under another's id": lambda: sign(RSA, "RS256", "e"),
    "a key id that nobody has": lambda: sign(OTHER_RSA, "RS256", "?"),
    "a key that the header brings": lambda: sign(OTHER_RSA, "RS256", jwk=jwk(OTHER_RSA)),
    "an address that the header brings": lambda: sign(OTHER_RSA, "RS256", jku="http://127.0.0.1:1/"),
    "a certificate that the header brings": lambda: sign(OTHER_RSA, "RS256", x5u="http://127.0.0.1:1/"),
    "an algorithm that is not ours": lambda: sign(EC, "ES256", "c"),
    "another use of the right key": lambda: sign(RSA, "PS256", "r"),
    "a longer hash": lambda: sign(SECRET + SECRET, "HS384"),
    "a purpose that is not ours": lambda: sign(SECRET, "HS256", typ="dpop+jwt"),
    "something critical that is not understood": lambda: sign(SECRET, "HS256", crit=["exp"], exp=1),
    "a part more": lambda: sign(SECRET, "HS256") + ".x",
    "no signature": lambda: sign(SECRET, "HS256").rpartition(".")[0] + ".",
    "another body": lambda: ".".join(
        [*sign(SECRET, "HS256").split(".")[:1], "e30", sign(SECRET, "HS256").split(".")[2]]
    ),
    "a header that is no object": lambda: "W10." + sign(SECRET, "HS256").partition(".")[2],
}


def _hmac_with_public_key():
    """CVE-2022-29217: the verifier takes whatever algorithm the token names, and has only the one key."""
    import base64
    import hashlib
    import hmac

    def part(value):
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    text = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(CLAIMS).encode())
    return (text + b"." + part(hmac.new(pem(RSA), text, hashlib.sha256).digest())).decode()


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_token_is_refused(proofs_with, forge):
    proofs, _ = proofs_with(jwk(RSA, kid="r"), jwk(ED, kid="e"), jwk(EC, kid="c"))

    with pytest.raises(Unauthorized):
        proofs.verify(forge())


@pytest.mark.parametrize("claims", [{"exp": 1}, {"iss": "x"}, {"aud": "x"}, {"sub": None}, {"role": "root"}], ids=str)
@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (ED, "EdDSA")], ids=["RS256", "EdDSA"])
def test_somebody_elses_signature_is_not_enough(proofs_with, claims, key, algorithm):
    proofs, _ = proofs_with(jwk(RSA), jwk(ED))

    with pytest.raises(Unauthorized):
        proofs.verify(sign(key, algorithm, claims=claims))


def test_the_memory_of_proofs_is_bounded(proofs_with):
    proofs, _ = proofs_with(jwk(RSA))
    proofs._known = dict.fromkeys(map(str, range(CACHE_SIZE)))

    proofs.verify(sign(SECRET, "HS256"))

    assert CACHE_SIZE == len(proofs._known)
