"""A cache of verified credentials, bounded in bytes, that keeps those in use.

When it is full, one that was not used lately is dropped at random. A queue would drop each of them just before it comes
back, as soon as more are used in turn than it holds, and answer nothing: 6,000 clients made a process slower by half.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from access.principal import Principal

MOST_BYTES = 8 * 2**20
"""Some 15,000 credentials per process."""

ENTRY_BYTES = 500
"""Memory of one credential without its names, key and place included."""

DIGEST_BYTES = 16
"""Nobody finds a second text for a given digest of this length, and only who may sign tokens could use two alike."""

MOST_SPARED = 8
"""How many in use are spared before one is dropped all the same."""


@dataclass(slots=True)
class Credential:
    """A verified credential: its principal, and until when it may be cached."""

    principal: Principal
    until: float
    """Seconds since 1970."""

    used: bool = False
    """Whether the cache has answered with it since it was last spared."""


class CredentialCache:
    """Credentials by the digest of their text, which is a tenth as long."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._known: dict[bytes, Credential] = {}
        self._digests: list[bytes] = []
        """Its keys, where one can be picked at random."""

        self._bytes = 0

    def __len__(self) -> int:
        return len(self._known)

    def find(self, text: str) -> Credential | None:
        """The credential with this text, valid or not."""
        found = self._known.get(_digest(text))
        if found is not None:
            found.used = True
        return found

    def keep(self, text: str, credential: Credential) -> None:
        """Add a credential or replace it, and drop others if they are too many."""
        digest = _digest(text)
        before = self._known.get(digest)
        if before is None:
            self._digests.append(digest)
        else:
            self._bytes -= _size_of(before)
        self._known[digest] = credential
        self._bytes += _size_of(credential)
        while self._bytes > self._most_bytes:
            self._drop_one()

    def drop(self, is_lost: Callable[[Principal], bool]) -> None:
        """Drop the credentials of such principals."""
        self._known = {digest: one for digest, one in self._known.items() if not is_lost(one.principal)}
        self._digests = list(self._known)
        self._bytes = sum(map(_size_of, self._known.values()))

    def clear(self) -> None:
        self._known.clear()
        self._digests.clear()
        self._bytes = 0

    def _drop_one(self) -> None:
        for _ in range(MOST_SPARED):
            place = int(random.random() * len(self._digests))
            candidate = self._known[self._digests[place]]
            if not candidate.used:
                break
            candidate.used = False
        self._digests[place], self._digests[-1] = self._digests[-1], self._digests[place]
        self._bytes -= _size_of(self._known.pop(self._digests.pop()))


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()[:DIGEST_BYTES]


def _size_of(credential: Credential) -> int:
    principal = credential.principal
    scopes = sum(100 + len(scope) for scope in principal.scopes) if principal.scopes else 0
    return ENTRY_BYTES + len(principal.credential) + len(principal.name) + scopes
