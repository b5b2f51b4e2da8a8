"""Why nothing was sent to a URL, or nothing came back; each text is a sentence for the endpoint's owner.

No text names an address that a name resolved to: the owner of an endpoint could otherwise explore our network by it.
"""

from __future__ import annotations


class Refused(Exception):
    """A webhook must not be sent to this URL, or not to the address to which its name leads now."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unreachable(Exception):
    """The receiver did not answer: its name was not found, it took no connection, or it sent no complete answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NoConnection(Unreachable):
    """One address of the receiver took no connection; another one may."""
