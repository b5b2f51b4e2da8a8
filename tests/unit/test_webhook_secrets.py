"""Secrets of endpoints at rest: encrypted with the newest key, readable with each, and nothing without one."""

from __future__ import annotations

import base64

import pytest

from webhooks.secrets_at_rest import CannotDecrypt, Keyring

OLD, NEW = ("2025", b"o" * 32), ("2026", b"n" * 32)
CANARY = b"a canary that must not be seen"


def test_a_secret_comes_back_and_is_not_seen():
    keyring = Keyring([NEW])
    text = keyring.encrypt(CANARY)

    assert keyring.decrypt(text) == CANARY
    assert CANARY not in base64.urlsafe_b64decode(text.partition(":")[2])
    assert text != keyring.encrypt(CANARY), "the same secret looks different each time"


def test_the_newest_key_encrypts_and_the_old_one_still_decrypts():
    before = Keyring([OLD]).encrypt(CANARY)
    keyring = Keyring([NEW, OLD])

    assert keyring.decrypt(before) == CANARY
    assert ("2026:", "2025:") == (keyring.encrypt(CANARY)[:5], before[:5])
    assert keyring.current_prefix == "2026:"


def test_without_its_key_a_secret_says_which_one_is_missing():
    with pytest.raises(CannotDecrypt, match="has no key '2025'"):
        Keyring([NEW]).decrypt(Keyring([OLD]).encrypt(CANARY))


@pytest.mark.parametrize("place", [0, 11, 12, -1], ids=["nonce", "nonce's end", "secret", "tag's end"])
def test_a_changed_secret_is_none(place):
    """Changed in its bytes: the last letter of base64 may carry bits that nobody reads."""
    name, _, encoded = Keyring([NEW]).encrypt(CANARY).partition(":")
    sealed = bytearray(base64.urlsafe_b64decode(encoded))
    sealed[place] ^= 1

    with pytest.raises(CannotDecrypt) as refused:
        Keyring([NEW]).decrypt(f"{name}:{base64.urlsafe_b64encode(sealed).decode()}")
    assert "canary" not in str(refused.value)


def test_a_secret_under_another_keys_name_is_none():
    """The id is authenticated: a row that claims another key is a changed one."""
    same = ("2027", NEW[1])
    text = Keyring([NEW]).encrypt(CANARY)

    with pytest.raises(CannotDecrypt):
        Keyring([same]).decrypt(text.replace("2026:", "2027:"))


@pytest.mark.parametrize("text", ["", "2026", "2026:", "2026:####", "2026:AAAA", "2026:ü"])
def test_anything_else_is_no_secret(text):
    with pytest.raises(CannotDecrypt):
        Keyring([NEW]).decrypt(text)


def test_without_keys_there_are_no_webhooks():
    assert not Keyring([])
    assert Keyring([NEW])
