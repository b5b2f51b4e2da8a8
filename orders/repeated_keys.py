"""Principals that have repeated a used key: for a while their keys are looked up first, before they join a batch.

A single used key fails a batch. Looking up all keys in the statement cost everybody a fifth of the rate for as long as
one client repeated itself.
"""

from __future__ import annotations

from access.principal import Principal
from foundation import clock

KNOWN_SECONDS = 10.0
MOST_KNOWN = 1000
"""Principals that are remembered; beyond that all are forgotten, which costs each of them one failed batch."""


class Repeaters:
    """The principals of one process that have recently repeated a key."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def add(self, principal: Principal) -> None:
        """This one has just repeated a key."""
        if len(self._until) >= MOST_KNOWN:
            self.forget()
        self._until[principal.who] = clock.monotonic() + KNOWN_SECONDS

    def knows(self, principal: Principal) -> bool:
        """Whether this one did so in the last seconds."""
        return self._until.get(principal.who, 0.0) > clock.monotonic()

    def forget(self) -> None:
        """Forget all."""
        self._until.clear()
