"""Tokens of every algorithm, forged in every way that is known; keys that rotate, from a file and from a server."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from access.keys import Keys, UnusableKeys, parse
from access.proofs import CACHE_SIZE, Proofs
from access.tokens import Tokens
from foundation.errors import ServiceUnavailable, Unauthorized
from foundation.settings import Settings, SettingsError

SECRET, OLD_SECRET = "a test's secret of more than 32 bytes", "the secret that was there before this one"
CLAIMS = {"sub": "7", "role": "seller", "iss": "onward", "aud": "onward", "iat": 0, "exp": 4_000_000_000}
RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
ED = ed25519.Ed25519PrivateKey.generate()
EC = ec.generate_private_key(ec.SECP256R1())


def jwk(private, **members):
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(private, rsa.RSAPrivateKey) else jwt.algorithms.OKPAlgorithm
    if isinstance(private, ec.EllipticCurvePrivateKey):
        algorithm = jwt.algorithms.ECAlgorithm
    return json.loads(algorithm.to_jwk(private.public_key())) | members


def jwks(*entries):
    return json.dumps({"keys": entries}).encode()


def pem(private):
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def sign(key, algorithm, kid=None, claims=None, **header):
    return jwt.encode(CLAIMS | (claims or {}), key, algorithm, headers=header | ({"kid": kid} if kid else {}))


class NothingRevoked:
    known, version = True, 0

    def refuse(self, *_):
        return False

    def take_lost(self):
        return set()


@pytest.fixture
def proofs_with(tmp_path):
    """Proofs that know the keys in a file, which can be written again."""

    def make(*entries, **settings):
        path = tmp_path / "keys.json"
        path.write_bytes(entries[0] if entries and isinstance(entries[0], bytes) else jwks(*entries))
        env = {"DATABASE_URL": "postgresql://x/y", "JWT_SECRET": SECRET, "JWT_KEY_FILE": str(path)}
        tokens = Tokens.of(Settings.from_env(env | settings))
        tokens.revocations = NothingRevoked()
        return Proofs(tokens), path

    return make


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


def test_two_keys_overlap_while_they_rotate(proofs_with):
    proofs, path = proofs_with(jwk(RSA, kid="1"))
    old, new = sign(RSA, "RS256", "1"), sign(OTHER_RSA, "RS256", "2")
    proofs.verify(old)

    path.write_bytes(jwks(jwk(RSA, kid="1"), jwk(OTHER_RSA, kid="2")))
    proofs.tokens.keys.refresh()

    assert [7, 7] == [proofs.verify(token).id for token in (old, new)]


def test_a_key_that_was_taken_away_proves_nothing_any_more(proofs_with):
    """Not even to whoever remembers what it has verified."""
    proofs, path = proofs_with(jwk(RSA, kid="1"), jwk(OTHER_RSA, kid="2"))
    proofs.verify(sign(RSA, "RS256", "1"))

    path.write_bytes(jwks(jwk(OTHER_RSA, kid="2")))
    proofs.tokens.keys.refresh()
    proofs.forget_revoked()

    with pytest.raises(Unauthorized):
        proofs.verify(sign(RSA, "RS256", "1"))


def test_a_file_that_was_broken_leaves_the_keys_as_they_are(proofs_with):
    proofs, path = proofs_with(jwk(RSA))

    path.write_bytes(b"{")
    proofs.tokens.keys.refresh()

    assert 7 == proofs.verify(sign(RSA, "RS256")).id


def test_a_secret_that_was_replaced_is_good_as_long_as_it_is_named(proofs_with):
    proofs, _ = proofs_with(jwk(RSA), JWT_PREVIOUS_SECRET=OLD_SECRET)

    assert [7, 7] == [proofs.verify(sign(secret, "HS256")).id for secret in (SECRET, OLD_SECRET)]
    assert SECRET == proofs.tokens.keys.secrets[0]


@pytest.mark.parametrize("private", [RSA, ED], ids=["RSA", "Ed25519"])
def test_a_pem_will_do(proofs_with, private):
    proofs, _ = proofs_with(pem(private))

    assert 7 == proofs.verify(sign(private, "RS256" if private is RSA else "EdDSA")).id


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b'{"keys": []}',
        b'{"keys": [1]}',
        b'{"keys": 1}',
        jwks({"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}),
        jwks(jwk(RSA, use="enc")),
        jwks(jwk(RSA, alg="RS512")),
        jwks(jwk(RSA, n="!")),
        jwks(jwk(EC)),
        jwks(jwk(rsa.generate_private_key(65537, 1024))),
        pem(EC),
        b"-----BEGIN PUBLIC KEY-----\n",
    ],
    ids=range(14),
)
def test_what_holds_no_usable_key_is_not_believed(text):
    with pytest.raises(UnusableKeys):
        parse(text)


def test_a_key_file_that_cannot_be_used_is_told_at_the_start(proofs_with):
    with pytest.raises(SettingsError, match="JWT_KEY_FILE"):
        proofs_with(b"{}")


def test_the_memory_of_proofs_is_bounded(proofs_with):
    proofs, _ = proofs_with(jwk(RSA))
    proofs._known = dict.fromkeys(map(str, range(CACHE_SIZE)))

    proofs.verify(sign(SECRET, "HS256"))

    assert CACHE_SIZE == len(proofs._known)


class KeyServer:
    """An identity provider on loopback, whose keys can be changed."""

    def __init__(self):
        self.body, self.status, self.asked = jwks(jwk(RSA, kid="1")), 200, 0
        house = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                house.asked += 1
                self.send_response(house.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(house.body)))
                self.end_headers()
                self.wfile.write(house.body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks"

    @contextmanager
    def serving(self):
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


@pytest.fixture
def provider():
    with KeyServer().serving() as provider:
        yield provider


def proofs_of(provider):
    tokens = Tokens(Keys((SECRET,), url=provider.url), "onward", "onward")
    tokens.revocations = NothingRevoked()
    return Proofs(tokens)


def test_keys_come_from_an_identity_provider(provider):
    proofs = proofs_of(provider)
    proofs.tokens.keys.refresh()

    assert 7 == proofs.verify(sign(RSA, "RS256", "1")).id


def test_no_request_waits_for_the_identity_provider(provider):
    """A key that is not known is asked for by somebody else, later; until the first answer the fault is ours."""
    proofs = proofs_of(provider)

    with pytest.raises(ServiceUnavailable):
        proofs.verify(sign(RSA, "RS256", "1"))
    proofs.tokens.keys.refresh()
    with pytest.raises(Unauthorized):
        proofs.verify(sign(OTHER_RSA, "RS256", "2"))

    assert proofs.tokens.keys.asked.is_set()
    assert 1 == provider.asked


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b""), (302, b""), (200, b"<html>"), (200, b"{" * 300_000)],
    ids=["500", "302", "html", "huge"],
)
def test_a_provider_that_talks_nonsense_changes_nothing(provider, status, body):
    proofs = proofs_of(provider)
    proofs.tokens.keys.refresh()

    provider.status, provider.body = status, body
    proofs.tokens.keys.refresh()

    assert 7 == proofs.verify(sign(RSA, "RS256", "1")).id
