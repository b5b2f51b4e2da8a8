"""One e-mail address is one address."""

from __future__ import annotations

import pytest

from foundation.addresses import addr_spec


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("alice@example.org", "alice@example.org"),
        ("Alice.O'Hara+shop@example.org", "Alice.O'Hara+shop@example.org"),
        ("orders@localhost", "orders@localhost"),
        ("u@müller.example", "u@xn--mller-kva.example"),
        ("u@xn--mller-kva.example", "u@xn--mller-kva.example"),
        ("u@shop.test", "u@shop.test"),
    ],
)
def test_an_address_is_read_as_an_envelope_takes_it(given, read):
    assert read == addr_spec(given)


@pytest.mark.parametrize(
    "text",
    [
        "first,second@example.org",
        "first@example.org,second@example.org",
        "group:a@b;",
        "<x@y>",
        "x<y@z>",
        "Alice <alice@example.org>",
        "a\x01b@example.org",
        "a@example.org\nBcc: z@example.org",
        " a@example.org",
        "=?utf-8?q?a=0D=0ABcc:_z?=@example.org",
        "jörg@example.org",
        "a@[127.0.0.1]",
        "a@b..example",
        '"a b"@example.org',
        "a" * 65 + "@example.org",
        "a(comment)@example.org",
        "nobody",
        "",
    ],
)
def test_what_is_no_single_address_is_refused_with_a_sentence(text):
    with pytest.raises(ValueError, match=r"^must be one "):
        addr_spec(text)
