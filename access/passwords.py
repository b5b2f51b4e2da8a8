"""Passwords as argon2id hashes (RFC 9106), computed in threads: one takes 95 ms, and the event loop must not block."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from gevent.lock import BoundedSemaphore
from gevent.threadpool import ThreadPool

from foundation.errors import ServiceUnavailable

LEAST_CHARACTERS, MOST_CHARACTERS = 12, 256

AT_ONCE = 2
"""Each takes 64 MB and four threads while it runs."""

MOST_WAITING = 16
"""Beyond this many, attempts get 503: 16 wait for less than a second."""

_hasher = PasswordHasher()
_places = BoundedSemaphore(AT_ONCE + MOST_WAITING)

PLACEHOLDER = "$argon2id$v=19$m=65536,t=3,p=4$U4/EAJzWICBgPg1NaORXSA$KHRb9RtEFpWUBvWag6a4SO154sICa08LaTOaBum1IEQ"
"""Verified if there is no such account, so that the time does not reveal it. Hashed by each process at its
start, it was a sixth of the time that the service and every command take to start."""


def hashed(password: str) -> str:
    """The hash to store; raises ServiceUnavailable if too many are waiting."""
    with _Place():
        return str(_threads().apply(_hasher.hash, (password,)))


def matches(known: str | None, password: str) -> bool:
    """Whether the password matches this hash; takes the same time if there is none."""
    with _Place():
        right = _threads().apply(_verify, (known or PLACEHOLDER, password[:MOST_CHARACTERS]))
    return bool(right) and known is not None


class _Place:
    def __enter__(self) -> None:
        if not _places.acquire(blocking=False):
            raise ServiceUnavailable("Too many people are signing in right now.")

    def __exit__(self, *_: object) -> None:
        _places.release()


@cache
def _threads() -> ThreadPool:
    """Not the loop's own thread pool: that one resolves names for everybody."""
    return ThreadPool(AT_ONCE)


def _verify(known: str, password: str) -> bool:
    try:
        return _hasher.verify(known, password)
    except (VerificationError, InvalidHashError):
        return False
