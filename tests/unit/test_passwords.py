"""Passwords: what stands in for the hash of an account that does not exist."""

from __future__ import annotations

from argon2 import PasswordHasher

from access.passwords import PLACEHOLDER


def test_the_placeholder_takes_as_long_to_verify_as_a_hash_of_today() -> None:
    assert not PasswordHasher().check_needs_rehash(PLACEHOLDER)
