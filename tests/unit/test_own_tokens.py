"""Our own tokens are verified in a short way, which accepts nothing that PyJWT would not accept as the same claims."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Iterator

import jwt
import pytest

from access.keys import Keys
from access.own_tokens import HEADER
from access.tokens import Tokens
from foundation.errors import Unauthorized
from tests.conftest import SECRET
from tests.unit.signing import CLAIMS, NothingRevoked, sign

PREVIOUS, FOREIGN = "the secret before this one, 32 bytes", "a secret that only mallory knows, 32"
NOW = 1_800_000_000
DAMAGED = 1_500
"""Tokens with random damage; half of them are signed again after it."""

ODD = [
    *(None, "", "7", "x", "٧", " 7", "onward ", "\x00", 0, 1, -1, 7, 1.5, 2**63, 2**64, 10**30, 1e300, True, False),
    *(float("inf"), float("nan"), [], ["onward"], ["onward", 7], {}, {"onward": 1}, "onward", "operator", "buyer"),
    *(NOW - 1, NOW, NOW + 30, NOW + 31, NOW + 1e-3, "\ud800"),
]
"""Values of claims."""

HEADERS = [
    *(b'{"typ":"JWT","alg":"HS256"}', b'{"alg": "HS256", "typ": "JWT"}', b'{"alg":"HS256"}', b'{"alg":"none"}', b"[]"),
    *(b'{"alg":"HS256","typ":"JWT","kid":"r"}', b'{"alg":"HS256","typ":"JWT","kid":7}', b'{"alg":"HS512","typ":"JWT"}'),
    *(b'{"alg":"HS256","typ":"JWT","crit":["exp"],"exp":1}', b'{"alg":"HS256","typ":"at+jwt"}', b'{"alg":"hs256"}'),
    *(b'{"alg":"HS256","typ":"dpop+jwt"}', b'{"alg":"RS256","typ":"JWT"}', b'{"alg":"HS256","typ":"JWT","b64":false}'),
    *(b'{"alg":"none","alg":"HS256","typ":"JWT"}', b"", b"{", b'{"alg":null}', b'{"alg":"HS256","typ":7}', b"\xff"),
]


class Nothing:
    """The short way, barred."""

    def claims(self, _token: str) -> None:
        return None


def part(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def sealed(header: bytes, body: bytes, secret: str = SECRET) -> str:
    """A token of these two parts, with a correct signature."""
    text = header + b"." + body
    return (text + b"." + part(hmac.digest(secret.encode(), text, hashlib.sha256))).decode("latin-1")


def with_body(body: bytes, secret: str = SECRET) -> str:
    return sealed(HEADER.encode(), part(body), secret)


@pytest.fixture
def ours() -> Tokens:
    tokens = Tokens(Keys((SECRET, PREVIOUS)), "onward", "onward", now=lambda: NOW)
    tokens.revocations = NothingRevoked()
    return tokens


@pytest.fixture
def both(ours):
    """What both verifiers say of a token: who it is and until when, or why it is refused."""
    pyjwt = Tokens(Keys((SECRET, PREVIOUS)), "onward", "onward", now=lambda: NOW)
    pyjwt.revocations, pyjwt._own = NothingRevoked(), Nothing()

    def verdict(tokens: Tokens, token: str) -> object:
        try:
            found = tokens.verify(token)
        except Unauthorized as refused:
            return refused.detail
        return found.principal, found.until

    return lambda token: (verdict(ours, token), verdict(pyjwt, token))


def odd_tokens() -> Iterator[str]:
    """Tokens that are wrong, or right in an unusual way, in one place each."""
    for secret in (SECRET, PREVIOUS, FOREIGN):
        yield with_body(json.dumps(CLAIMS).encode(), secret)
        for header in HEADERS:
            yield sealed(part(header), part(json.dumps(CLAIMS).encode()), secret)
    for name in (*CLAIMS, "nbf", "jti", "demo", "more"):
        yield with_body(json.dumps({key: value for key, value in CLAIMS.items() if key != name}).encode())
        for value in ODD:
            yield with_body(json.dumps(CLAIMS | {name: value}).encode())
    text = json.dumps(CLAIMS)
    yield from map(with_body, (b"", b"{}", b"[]", b"7", b"null", b'"x"', text.encode()[:-1], text.encode() + b"x"))
    yield from (with_body(text.encode(code)) for code in ("utf-16", "utf-16-le", "utf-32", "utf-8-sig"))
    for before, after in (('"7"', '"7","sub":"8"'), ('"7"', '"\\ud83d\\ude00"'), ('"7"', '"\x01"'), ("{", '{"x":NaN,')):
        yield with_body(text.replace(before, after).encode())
    yield with_body(text.replace('"7"', '"7\udcff"').encode("utf-8", "surrogateescape"))
    yield with_body(text.replace("{", '{"x":' + "[" * 5000 + "]" * 5000 + ",", 1).encode())
    body = part(text.encode())
    for odd in (body + b"=", body + b"==", body + b"A", body[:-1] + b"\n", b" " + body, body + b".", body + b"!", b"."):
        yield sealed(HEADER.encode(), odd)
    good = sign(SECRET, "HS256")
    yield from (good + "=", good + "==", good + " ", good + ".", good[:-1], good.upper(), good + "\n", "." + good)
    yield from ("", ".", "..", "...", HEADER, f"{HEADER}.", f"{HEADER}..", f"{HEADER}.é.{'A' * 43}", "é" + good)


def damaged_tokens(rng: random.Random) -> Iterator[str]:
    """Tokens in which a few random characters were changed, dropped, doubled or moved."""
    for number in range(DAMAGED):
        token = [*sign(rng.choice((SECRET, PREVIOUS)), "HS256", claims={"jti": str(number), "sub": str(1 + number)})]
        for _ in range(rng.randint(1, 3)):
            place, other = rng.randrange(len(token)), rng.randrange(len(token))
            match rng.randrange(4):
                case 0:
                    token[place] = rng.choice("ABCxyz019-_.=+/ \n")
                case 1:
                    token[place] = ""
                case 2:
                    token[place] *= 2
                case _:
                    token[place], token[other] = token[other], token[place]
        text = "".join(token)
        header, _, rest = text.partition(".")
        yield sealed(header.encode(), rest.rpartition(".")[0].encode()) if number % 2 else text


def test_both_verifiers_agree_on_whatever_is_odd(both):
    for token in odd_tokens():
        own, pyjwt = both(token)
        assert pyjwt == own, token


def test_both_verifiers_agree_on_whatever_is_damaged(both):
    rng = random.Random(11)
    for token in damaged_tokens(rng):
        own, pyjwt = both(token)
        assert pyjwt == own, token


def test_only_what_is_signed_with_our_secrets_is_accepted_by_the_short_way(ours):
    accepted = [token for token in (*odd_tokens(), *damaged_tokens(random.Random(12))) if ours._own.claims(token)]

    assert accepted, "or nothing was compared"
    for token in accepted:
        signed, _, signature = token.rpartition(".")
        right = [part(hmac.digest(one.encode(), signed.encode(), "sha256")).decode() for one in (SECRET, PREVIOUS)]
        assert signature in right


@pytest.mark.parametrize("secret", [SECRET, PREVIOUS], ids=["this secret", "the one before"])
def test_a_token_of_ours_is_verified_without_pyjwt(ours, monkeypatch, secret):
    tokens = Tokens(Keys((secret,)), "onward", "onward", now=lambda: NOW)
    issued = [tokens.issue("seller", 7), tokens.issue("operator", 1, demo=False)]
    monkeypatch.setattr(jwt, "decode", lambda *_, **__: pytest.fail("PyJWT was asked"))

    assert [("seller", 7), ("operator", 1)] == [
        (one.principal.role, one.principal.id) for one in map(ours.verify, issued)
    ]


def test_a_token_of_ours_is_still_refused_for_what_it_says(ours):
    tokens = Tokens(Keys((SECRET,)), "onward", "onward", now=lambda: NOW)
    wrong = {
        "expired 1 s ago": tokens.issue("seller", 7, lifetime=-1),
        "demo, which is switched off": tokens.issue("seller", 7, demo=True),
        "Unknown role": tokens.issue("root", 7),  # type: ignore[arg-type]
        "not an id": tokens.issue("seller", 0),
        "its nbf is 31 s ahead": tokens.issue("seller", 7, nbf=NOW + 31),
    }
    for said, token in wrong.items():
        with pytest.raises(Unauthorized, match=said):
            ours.verify(token)
