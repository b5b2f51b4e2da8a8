"""Tokens of every algorithm, and every known forgery."""

from __future__ import annotations

import json

import jwt
import pytest

from access.revocations import Revocations
from foundation.errors import Unauthorized
from tests.conftest import SECRET
from tests.unit.signing import CLAIMS, EC, ED, OTHER_RSA, RSA, jwk, jwks, pem, sign


@pytest.mark.parametrize(
    ("key", "algorithm"), [(SECRET, "HS256"), (RSA, "RS256"), (ED, "EdDSA")], ids=["HS", "RS", "Ed"]
)
@pytest.mark.parametrize("kid", [True, False], ids=["with a key id", "without"])
def test_a_token_of_each_algorithm_names_its_holder(credentials_with, key, algorithm, kid):
    credentials, _ = credentials_with(jwk(RSA, kid="r"), jwk(ED, kid="e"))
    named = {"RS256": "r", "EdDSA": "e"}.get(algorithm) if kid else None

    assert ("seller", 7) == ((principal := credentials.verify(sign(key, algorithm, named))).role, principal.id)


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
def test_a_forged_token_is_refused(credentials_with, forge):
    credentials, _ = credentials_with(jwk(RSA, kid="r"), jwk(ED, kid="e"), jwk(EC, kid="c"))

    with pytest.raises(Unauthorized):
        credentials.verify(forge())


@pytest.mark.parametrize("claims", [{"exp": 1}, {"iss": "x"}, {"aud": "x"}, {"sub": None}, {"role": "root"}], ids=str)
@pytest.mark.parametrize(("key", "algorithm"), [(RSA, "RS256"), (ED, "EdDSA")], ids=["RS256", "EdDSA"])
def test_somebody_elses_signature_is_not_enough(credentials_with, claims, key, algorithm):
    credentials, _ = credentials_with(jwk(RSA), jwk(ED))

    with pytest.raises(Unauthorized):
        credentials.verify(sign(key, algorithm, claims=claims))


NOW = 1_800_000_000


@pytest.fixture
def clocked(credentials_with):
    credentials, _ = credentials_with(jwk(RSA))
    credentials.tokens.now = lambda: NOW
    return credentials


@pytest.mark.parametrize("claim", ["iat", "nbf"])
@pytest.mark.parametrize(("key", "algorithm"), [(SECRET, "HS256"), (RSA, "RS256")], ids=["HS256", "RS256"])
def test_the_clock_of_who_signs_may_be_a_little_ahead(clocked, claim, key, algorithm):
    def verify(ahead):
        return clocked.verify(sign(key, algorithm, claims={claim: NOW + ahead}))

    assert [7, 7] == [verify(ahead).id for ahead in (1, 30)]
    with pytest.raises(Unauthorized, match=f"its {claim} is 31 s ahead"):
        verify(31)


def test_an_end_is_an_end(clocked):
    """RFC 7519 allows a leeway there too; it would make tokens live longer than their issuer said."""
    assert 7 == clocked.verify(sign(SECRET, "HS256", claims={"exp": NOW + 1})).id
    with pytest.raises(Unauthorized, match="expired 2 s ago"):
        clocked.verify(sign(SECRET, "HS256", claims={"exp": NOW - 2}))


WRONG = {
    "The token expired": {"exp": 1},
    "its nbf is": {"nbf": NOW + 99},
    "its iat is": {"iat": NOW + 99},
    "The token's iss is not onward": {"iss": "x"},
    "The token's aud does not name onward": {"aud": ["x"]},
    "Unknown role or subject in token.": {"role": "root"},
    "Unknown role or subject in token: sub is not an id": {"sub": "0" * 4419 + "1"},
    "The token's sub or jti is not a string": {"sub": 7},
    "The token's exp is not a date": {"exp": "never"},
    "The token's nbf is not a date": {"nbf": [1]},
    "The token has no sub": {"sub": None},
}


@pytest.mark.parametrize(("said", "claims"), WRONG.items(), ids=WRONG)
def test_a_token_that_is_signed_well_is_told_what_is_wrong_and_no_other_is(clocked, said, claims):
    def refusal(key):
        body = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
        with pytest.raises(Unauthorized) as refused:
            clocked.verify(jwt.encode(body, key, "RS256"))
        return refused.value.detail

    assert said in refusal(RSA)
    assert "The token is not valid." == refusal(OTHER_RSA)


@pytest.mark.parametrize("digits", [str(2**63), "9" * 20, "0" * 4419 + "1", "0", "٧", "+7", "7 ", ""])
def test_a_sub_that_is_no_id_is_refused(clocked, digits):
    with pytest.raises(Unauthorized, match="not an id"):
        clocked.verify(sign(SECRET, "HS256", claims={"sub": digits}))


def test_a_clock_that_is_ahead_does_not_outlive_a_revocation(clocked):
    """Ten seconds ahead, five seconds before seller 7 was revoked: it looks as if it were issued after."""
    clocked.tokens.revocations = Revocations()
    clocked.tokens.revocations._horizon = float("-inf")
    clocked.tokens.revocations._at["seller:7"] = NOW

    with pytest.raises(Unauthorized, match="revoked"):
        clocked.verify(sign(RSA, "RS256", claims={"iat": NOW + 5}))
    assert 7 == clocked.verify(sign(SECRET, "HS256", claims={"iat": NOW + 5})).id, "this clock is ours"


def test_a_stream_is_opened_with_what_is_cached_and_takes_no_place_in_the_cache_itself(credentials_with):
    """Ten thousand streams took 2.6 MB of it, each for a token that came back after ten minutes."""
    credentials, _ = credentials_with(jwk(RSA))
    own, provided = sign(SECRET, "HS256"), sign(RSA, "RS256")

    assert [7, 7] == [credentials.verify_once(one).id for one in (own, provided)]
    assert 0 == len(credentials._cache)
    assert credentials.verify_once("onward_0123abcd_a.key.with-dots") is None, "a key's rights are in the database"

    verified = credentials.verify_offline(own)
    assert verified is credentials.verify_once(own)
    assert 1 == len(credentials._cache)


def test_a_withdrawn_key_is_refused_at_once_whether_or_not_its_token_was_cached(credentials_with):
    credentials, path = credentials_with(jwk(RSA), jwk(ED))
    used, unused = (sign(RSA, "RS256", claims={"jti": jti}) for jti in ("used", "unused"))
    credentials.verify_offline(used)

    path.write_bytes(jwks(jwk(ED)))
    credentials.tokens.keys.refresh()
    credentials.forget_revoked()

    for verify in (credentials.verify, credentials.verify_offline, credentials.verify_once):
        for token in (used, unused):
            with pytest.raises(Unauthorized):
                verify(token)
