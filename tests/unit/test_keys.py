"""Keys that rotate, from a file and from an identity provider; and invalid ones."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from access.credentials import Credentials
from access.keys import EMPTY_READINGS, Keys, UnusableKeys, parse
from access.tokens import Tokens
from foundation.errors import ServiceUnavailable, Unauthorized
from foundation.settings import SettingsError
from tests.conftest import SECRET
from tests.unit.signing import EC, ED, OTHER_RSA, RSA, NothingRevoked, jwk, jwks, pem, sign

OLD_SECRET = "the secret that was there before this one"


def test_two_keys_overlap_while_they_rotate(credentials_with):
    credentials, path = credentials_with(jwk(RSA, kid="1"))
    old, new = sign(RSA, "RS256", "1"), sign(OTHER_RSA, "RS256", "2")
    credentials.verify(old)

    path.write_bytes(jwks(jwk(RSA, kid="1"), jwk(OTHER_RSA, kid="2")))
    credentials.tokens.keys.refresh()

    assert [7, 7] == [credentials.verify(token).id for token in (old, new)]


def test_a_key_that_was_taken_away_proves_nothing_any_more(credentials_with):
    """Not even to whoever remembers what it has verified."""
    credentials, path = credentials_with(jwk(RSA, kid="1"), jwk(OTHER_RSA, kid="2"))
    credentials.verify(sign(RSA, "RS256", "1"))

    path.write_bytes(jwks(jwk(OTHER_RSA, kid="2")))
    credentials.tokens.keys.refresh()
    credentials.forget_revoked()

    with pytest.raises(Unauthorized):
        credentials.verify(sign(RSA, "RS256", "1"))


def test_a_file_that_was_broken_leaves_the_keys_as_they_are(credentials_with):
    credentials, path = credentials_with(jwk(RSA))

    path.write_bytes(b"{")
    credentials.tokens.keys.refresh()

    assert 7 == credentials.verify(sign(RSA, "RS256")).id


@pytest.mark.parametrize("empty", [jwks(), jwks(jwk(EC)), jwks({"kty": "oct", "k": "c2VjcmV0"})], ids=range(3))
def test_a_set_that_stays_empty_withdraws_its_keys(credentials_with, empty):
    """Also for who remembers what they have verified; a reading that fails in between is none."""
    credentials, path = credentials_with(jwk(RSA))
    token, keys = sign(RSA, "RS256"), credentials.tokens.keys
    credentials.verify(token)

    def read(text):
        path.write_bytes(text)
        keys.refresh()
        credentials.forget_revoked()

    for text in (*[empty] * (EMPTY_READINGS - 1), b"{"):
        read(text)
        assert (7, True) == (credentials.verify(token).id, keys.doubtful)
    read(empty)

    assert not keys.doubtful
    with pytest.raises(Unauthorized):
        credentials.verify(token)
    read(jwks(jwk(RSA)))
    assert 7 == credentials.verify(token).id


def test_a_set_that_is_empty_for_a_moment_withdraws_nothing(credentials_with):
    credentials, path = credentials_with(jwk(RSA))
    for _ in range(EMPTY_READINGS):
        for text in (*[jwks()] * (EMPTY_READINGS - 1), jwks(jwk(RSA))):
            path.write_bytes(text)
            credentials.tokens.keys.refresh()

    assert 7 == credentials.verify(sign(RSA, "RS256")).id


def test_a_source_that_fails_hides_no_change_of_the_other(credentials_with, provider):
    credentials, path = credentials_with(jwk(RSA, kid="1"), JWKS_URL=provider.url)
    provider.status = 500
    path.write_bytes(jwks(jwk(OTHER_RSA, kid="2")))
    credentials.tokens.keys.refresh()

    assert 7 == credentials.verify(sign(OTHER_RSA, "RS256", "2")).id


def test_a_provider_without_any_key_is_believed_after_a_while(provider):
    """Before, the fault may be ours: 503. Then its tokens are refused."""
    credentials = credentials_of(provider)
    provider.body = jwks()
    for _ in range(EMPTY_READINGS):
        with pytest.raises(ServiceUnavailable):
            credentials.verify(sign(RSA, "RS256", "1"))
        credentials.tokens.keys.refresh()

    with pytest.raises(Unauthorized):
        credentials.verify(sign(RSA, "RS256", "1"))


def test_a_secret_that_was_replaced_is_good_as_long_as_it_is_named(credentials_with):
    credentials, _ = credentials_with(jwk(RSA), JWT_PREVIOUS_SECRET=OLD_SECRET)

    assert [7, 7] == [credentials.verify(sign(secret, "HS256")).id for secret in (SECRET, OLD_SECRET)]
    assert SECRET == credentials.tokens.keys.secrets[0]


@pytest.mark.parametrize("private", [RSA, ED], ids=["RSA", "Ed25519"])
def test_a_pem_will_do(credentials_with, private):
    credentials, _ = credentials_with(pem(private))

    assert 7 == credentials.verify(sign(private, "RS256" if private is RSA else "EdDSA")).id


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b'{"keys": []}',
        b'{"keys": [1]}',
        b'{"keys": 1}',
        b'{"keys": {}}',
        jwks({"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"}),
        jwks(jwk(RSA, use="enc")),
        jwks(jwk(RSA, alg="RS512")),
        jwks(jwk(RSA, n="!")),
        jwks(jwk(EC)),
        jwks(jwk(rsa.generate_private_key(65537, 1024))),
        pem(EC),
        b"-----BEGIN PUBLIC KEY-----\n",
    ],
    ids=range(15),
)
def test_what_holds_no_usable_key_is_not_believed(text):
    with pytest.raises(UnusableKeys):
        parse(text)


def test_a_key_file_that_cannot_be_used_is_told_at_the_start(credentials_with):
    with pytest.raises(SettingsError, match="JWT_KEY_FILE"):
        credentials_with(b"{}")


class KeyServer:
    """An identity provider on loopback, whose keys can be changed."""

    def __init__(self):
        self.body, self.status, self.asked = jwks(jwk(RSA, kid="1")), 200, 0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                provider.asked += 1
                self.send_response(provider.status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(provider.body)))
                self.end_headers()
                self.wfile.write(provider.body)

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


def credentials_of(provider):
    tokens = Tokens(Keys((SECRET,), url=provider.url), "onward", "onward")
    tokens.revocations = NothingRevoked()
    return Credentials(tokens)


def test_keys_come_from_an_identity_provider(provider):
    credentials = credentials_of(provider)
    credentials.tokens.keys.refresh()

    assert 7 == credentials.verify(sign(RSA, "RS256", "1")).id


def test_no_request_waits_for_the_identity_provider(provider):
    """A key that is not known is asked for by somebody else, later; until the first answer the fault is ours."""
    credentials = credentials_of(provider)

    with pytest.raises(ServiceUnavailable):
        credentials.verify(sign(RSA, "RS256", "1"))
    credentials.tokens.keys.refresh()
    with pytest.raises(Unauthorized):
        credentials.verify(sign(OTHER_RSA, "RS256", "2"))

    assert credentials.tokens.keys.asked.is_set()
    assert 1 == provider.asked


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, b""), (302, b""), (200, b"<html>"), (200, b"{" * 300_000)],
    ids=["500", "302", "html", "huge"],
)
def test_a_provider_that_talks_nonsense_changes_nothing(provider, status, body):
    credentials = credentials_of(provider)
    credentials.tokens.keys.refresh()

    provider.status, provider.body = status, body
    credentials.tokens.keys.refresh()

    assert 7 == credentials.verify(sign(RSA, "RS256", "1")).id
