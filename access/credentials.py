"""Verifies bearer credentials once and caches them as long as they are valid."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from access import api_keys, people
from access.credential_cache import Credential, CredentialCache
from access.principal import Principal, grounds
from access.revocations import EVERYBODY, LINKS
from access.tokens import Tokens

SESSION_TRUST_SECONDS = 60
"""How long a session is cached without asking the database again; one that has ended is dropped within a second."""


class Credentials:
    """Verifies the credentials of one process's requests."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self._cache = CredentialCache()
        self._keys_version = tokens.keys.version
        self._lost: set[str] = set()

    def verify(self, text: str) -> Principal:
        """The principal of this credential; raises Unauthorized."""
        return self.remembered(text) or self._learn(text).principal

    def remembered(self, text: str) -> Principal | None:
        """The principal of a credential that is cached and still valid; makes no call."""
        known = self._cache.find(text)
        return known.principal if known is not None and known.until > self.tokens.now() else None

    def verify_offline(self, text: str) -> Principal | None:
        """The principal of this credential, or None if the database has to be asked; raises Unauthorized.

        Every credential that is cached, and every token whose revocation would be known here.
        """
        return self.remembered(text) or (self._learn(text).principal if self._needs_no_database(text) else None)

    def verify_once(self, text: str) -> Principal | None:
        """The same for a stream's token, which is not cached: the next stream comes after ten minutes."""
        if not self._needs_no_database(text):
            return None
        return self.remembered(text) or self.tokens.verify(text).principal

    def session(self, session_key: str) -> Principal | None:
        """The principal of this browser session; None if it has ended."""
        remembered = f"\n{session_key}"  # a value that no header can have
        known = self._cache.find(remembered)
        if known is None or known.until <= self.tokens.now():
            person = people.by_session(session_key)
            if person is None:
                return None
            known = Credential(person.principal, self.tokens.now() + SESSION_TRUST_SECONDS)
            self._cache.keep(remembered, known)
        return known.principal

    def forget(self, principal: Principal) -> None:
        """Drop what this process has cached of the person: the name has changed."""
        self._cache.drop(lambda one: one.via == principal.via and one.who == principal.who)

    def forget_revoked(self) -> None:
        """Drop the credentials that a changed key set or a revocation has affected since the last call.

        A changed key set affects all of them. A revocation affects few: somebody signs out every second somewhere, and
        that must not make everybody else verify again; and no cached credential ends with the links of an order.
        """
        lost = self.tokens.revocations.take_lost()
        self._lost |= lost
        if self._keys_version != self.tokens.keys.version or EVERYBODY in lost:
            self._keys_version = self.tokens.keys.version
            self._cache.clear()
        elif cached := {one for one in lost if not one.startswith(LINKS)}:
            self._cache.drop(partial(_touched, cached))

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
        self._cache.keep(text, credential)
        return credential

    def _needs_no_database(self, text: str) -> bool:
        return self.tokens.revocations.offline and not text.startswith(api_keys.MARK) and text.count(".") == 2


def _touched(lost: set[str], principal: Principal) -> bool:
    return principal.who in lost or not lost.isdisjoint(grounds(principal.credential))
