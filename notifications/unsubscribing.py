"""Signed links that turn one kind of e-mail off, without an account: for `List-Unsubscribe` (RFC 8058) and the footer.

A link does not expire: people unsubscribe from an e-mail of last year, and all it can do is to turn e-mail off.
"""

from __future__ import annotations

from itsdangerous import BadSignature, URLSafeSerializer

from foundation.errors import NotFound
from foundation.settings import Settings
from notifications import preferences

SALT = "onward: unsubscribe"
PATH = "/unsubscribe/"


class Unsubscribing:
    """Creates and follows links."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._signer = URLSafeSerializer(settings.signing_keys, salt=SALT)

    def link(self, owner: str, kind: str) -> str:
        """A link that turns e-mail about this kind off for this owner (`buyer:7`, `person:12`)."""
        return self._settings.link(f"{PATH}{self._signer.dumps([owner, kind])}")

    def read(self, token: str) -> tuple[str, str]:
        """The owner and the kind; raises NotFound if it is not a link of ours."""
        try:
            owner, kind = self._signer.loads(token)
        except BadSignature as error:
            raise NotFound("This link is not valid. It may not have been copied as a whole.") from error
        return owner, kind

    def follow(self, token: str) -> str:
        """Turn it off, where a preference does it too; returns the kind. A repetition changes nothing."""
        owner, kind = self.read(token)
        preferences.choose(owner, kind, "email", "off")
        return kind
