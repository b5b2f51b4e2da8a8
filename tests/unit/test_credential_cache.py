"""The cache of credentials: bounded in bytes, keeps those in use, and helps even those who come in turn."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from access.credential_cache import DIGEST_BYTES, ENTRY_BYTES, Credential, CredentialCache
from access.principal import Principal


def credential(number: int, name: str = "") -> Credential:
    ends = 4_000_000_000.0 + number
    principal = Principal("seller", 1000 + number, ends, credential=name or f"jti:{number:016x}")
    return Credential(principal, ends)


@pytest.fixture(autouse=True)
def same_choices_each_time():
    random.seed(7)


@pytest.fixture
def small():
    """A cache of about a hundred."""
    return CredentialCache(100 * (ENTRY_BYTES + 20))


def ask(cache: CredentialCache, number: int) -> bool:
    """Whether it was known; it is afterwards."""
    if cache.find(f"token {number}") is not None:
        return True
    cache.keep(f"token {number}", credential(number))
    return False


def test_what_is_kept_is_found_under_its_own_text_only(small):
    small.keep("alice's", credential(1))

    assert 1001 == small.find("alice's").principal.id
    assert [None] * 3 == [small.find(text) for text in ("alice's ", "ALICE'S", "")]
    assert {DIGEST_BYTES} == {len(key) for key in small._known}


def test_clients_that_come_in_turn_are_known_although_not_all_of_them_fit(small):
    """A queue forgets each of them just before it comes back: of 6,000 clients, 4,096 were kept, and none was found."""
    known = [ask(small, number) for _ in range(12) for number in range(150)]

    assert sum(known[-300:]) > 100


def test_who_is_in_use_stays_however_many_come_once(small):
    known = []
    for once in range(2_000):
        ask(small, 1000 + once)
        known.append(ask(small, once % 20))

    assert sum(known[200:]) > 0.95 * len(known[200:])


@pytest.mark.parametrize("name", ["", "jti:" + "x" * 4000], ids=["a short name", "a long name"])
def test_its_memory_is_bounded_in_bytes_whatever_a_credential_takes(name):
    most = 400_000
    tracemalloc.start()
    try:
        cache = CredentialCache(most)
        for number in range(3_000):
            cache.keep(f"token {number}", credential(number, f"{name}{number}" if name else ""))
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert most / 2 < taken < most * 1.25
    assert len(cache) == len(cache._digests)


def test_a_credential_that_is_replaced_counts_once(small):
    for _ in range(1_000):
        small.keep("alice's", credential(1))

    assert (1, 1) == (len(small), len(small._digests))
    assert ENTRY_BYTES + 20 == small._bytes


def test_what_is_dropped_for_its_principal_leaves_nothing(small):
    for number in range(50):
        ask(small, number)

    small.drop(lambda principal: principal.id % 2 == 0)

    assert 25 == len(small) == len(small._digests)
    assert [False, True] == [small.find(f"token {number}") is not None for number in (0, 1)]
    small.clear()
    assert (0, 0, 0) == (len(small), len(small._digests), small._bytes)
