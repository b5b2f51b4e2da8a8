"""Verifies bearer credentials once and caches them as long as they are valid."""

from __future__ import annotations

from collections.abc import Collection

from access import api_keys, people
from access.principal import Principal, grounds
from access.revocations import EVERYBODY
from access.tokens import Credential, Tokens

CACHE_SIZE = 4096
"""Maximum credentials cached per process; verifying a token takes 54 us or more, looking it up 0.2."""

SESSION_TRUST_SECONDS = 60
"""How long a session is cached without asking the database again; one that has ended is dropped within a second."""


class Credentials:
    """The credential cache of one process."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self._known: dict[str, Credential] = {}
        self._keys_version = tokens.keys.version
        self._lost: set[str] = set()

    def verify(self, text: str) -> Principal:
        """The principal of this credential; raises Unauthorized."""
        return self.remembered(text) or self._learn(text).principal

    def remembered(self, text: str) -> Principal | None:
        """The principal of a credential that is cached and still valid; makes no call."""
        known = self._known.get(text)
        return known.principal if known is not None and known.until > self.tokens.now() else None

    def offline(self, text: str) -> bool:
        """Whether this credential can be verified without the database."""
        return self.tokens.revocations.offline and not text.lstrip().startswith(api_keys.MARK)

    def session(self, session_key: str) -> Principal | None:
        """The principal of this browser session; None if it has ended."""
        remembered = f"\n{session_key}"  # a value that no header can have
        known = self._known.get(remembered)
        if known is None or known.until <= self.tokens.now():
            person = people.by_session(session_key)
            if person is None:
                return None
            known = Credential(person.principal, self.tokens.now() + SESSION_TRUST_SECONDS)
            self._remember(remembered, known)
        return known.principal

    def forget_revoked(self) -> None:
        """Drop the credentials that a changed key set or a revocation has affected since the last call.

        A changed key set affects all of them. A revocation affects few: somebody signs out every second somewhere, and
        that must not make everybody else verify again.
        """
        lost = self.tokens.revocations.take_lost()
        self._lost |= lost
        if self._keys_version != self.tokens.keys.version or EVERYBODY in lost:
            self._keys_version = self.tokens.keys.version
            self._known.clear()
        elif lost:
            self._known = {
                text: credential for text, credential in self._known.items() if not _touched(credential.principal, lost)
            }

    @property
    def rights_version(self) -> int:
        """Increases with every revocation."""
        return self.tokens.revocations.version

    def rights_lost(self, names: Collection[str]) -> Collection[str]:
        """Which of these principals (`buyer:42`) and credentials (`jti:…`) were revoked since the last call."""
        lost, self._lost = self._lost, set()
        if EVERYBODY in lost:
            return names
        return {name for name in names if not lost.isdisjoint(grounds(name))} if lost else lost

    def _learn(self, text: str) -> Credential:
        if text.startswith(api_keys.MARK):
            credential = api_keys.verify(text, self.tokens.revocations, self.tokens.demo)
        else:
            credential = self.tokens.verify(text)
        self._remember(text, credential)
        return credential

    def _remember(self, text: str, credential: Credential) -> None:
        self._known.pop(text, None)
        if len(self._known) >= CACHE_SIZE:
            # Evict the oldest; a dict keeps insertion order.
            self._known.pop(next(iter(self._known)))
        self._known[text] = credential


def _touched(principal: Principal, lost: set[str]) -> bool:
    return principal.who in lost or not lost.isdisjoint(grounds(principal.credential))
