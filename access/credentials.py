"""Whatever stands behind `Authorization: Bearer`, verified once and remembered as long as it holds."""

from __future__ import annotations

from collections.abc import Collection

from access import api_keys, people
from access.principal import Principal, grounds
from access.revocations import EVERYBODY
from access.tokens import Proof, Tokens

CACHE_SIZE = 4096
"""Proofs remembered per process; verifying a token takes 54 us and more, looking it up 0.2."""

SESSION_TRUST_SECONDS = 60
"""How long a session is believed without asking the database again; one that is ended is forgotten within a second."""


class Proofs:
    """The proofs of one process."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self._known: dict[str, Proof] = {}
        self._keys_version = tokens.keys.version
        self._lost: set[str] = set()

    def verify(self, text: str) -> Principal:
        """Who proves itself with this text; raises Unauthorized."""
        return self.remembered(text) or self._learn(text).principal

    def remembered(self, text: str) -> Principal | None:
        """Who has proved itself with this text before, if that still holds; asks nobody."""
        known = self._known.get(text)
        return known.principal if known is not None and known.until > self.tokens.now() else None

    def offline(self, text: str) -> bool:
        """Whether the database need not be asked about this proof."""
        return self.tokens.revocations.offline and not text.lstrip().startswith(api_keys.MARK)

    def session(self, session_key: str) -> Principal | None:
        """Whose browser session this is; None when it has ended."""
        remembered = f"\n{session_key}"  # no header can say that
        known = self._known.get(remembered)
        if known is None or known.until <= self.tokens.now():
            person = people.by_session(session_key)
            if person is None:
                return None
            known = Proof(person.principal, self.tokens.now() + SESSION_TRUST_SECONDS)
            self._remember(remembered, known)
        return known.principal

    def forget_revoked(self) -> None:
        """Verify anew what a key or a revocation touched since this was called last.

        With other keys that is everything. A revocation touches few: somebody signs out every second somewhere, and
        that must not make all others prove themselves again.
        """
        lost = self.tokens.revocations.take_lost()
        self._lost |= lost
        if self._keys_version != self.tokens.keys.version or EVERYBODY in lost:
            self._keys_version = self.tokens.keys.version
            self._known.clear()
        elif lost:
            self._known = {text: proof for text, proof in self._known.items() if not _touched(proof.principal, lost)}

    @property
    def rights_version(self) -> int:
        """Grows when something was taken back."""
        return self.tokens.revocations.version

    def rights_lost(self, names: Collection[str]) -> Collection[str]:
        """Which of these principals (`buyer:42`) and proofs (`jti:…`) were taken back since this was asked last."""
        lost, self._lost = self._lost, set()
        if EVERYBODY in lost:
            return names
        return {name for name in names if not lost.isdisjoint(grounds(name))} if lost else lost

    def _learn(self, text: str) -> Proof:
        if text.startswith(api_keys.MARK):
            proof = api_keys.verify(text, self.tokens.revocations, self.tokens.demo)
        else:
            proof = self.tokens.verify(text)
        self._remember(text, proof)
        return proof

    def _remember(self, text: str, proof: Proof) -> None:
        self._known.pop(text, None)
        if len(self._known) >= CACHE_SIZE:
            # The oldest leaves; a dict keeps the order of arrival.
            self._known.pop(next(iter(self._known)))
        self._known[text] = proof


def _touched(principal: Principal, lost: set[str]) -> bool:
    return principal.who in lost or not lost.isdisjoint(grounds(principal.proof))
