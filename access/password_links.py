"""Signed links to choose a password, each valid for a day and for one password."""

from __future__ import annotations

from itsdangerous import BadSignature, URLSafeTimedSerializer

from access.people import Person, by_session
from foundation.errors import NotFound
from foundation.languages import N_
from foundation.settings import Settings

LINK_SECONDS = 24 * 3600
"""How long a link to choose a password is valid; it is valid for one password."""

LINK_SALT = "onward: choose a password"


class Links:
    """Signed links to choose a password."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._signer = URLSafeTimedSerializer(settings.signing_keys, salt=LINK_SALT)

    def address(self, person: Person) -> str:
        """The link as it is sent to the person."""
        return self._settings.link(f"/password/{self._signer.dumps(person.session_key)}")

    def person(self, link: str) -> Person:
        """The person of this link; raises NotFound if it is expired, used or invalid."""
        try:
            session_key = self._signer.loads(link, max_age=LINK_SECONDS)
        except BadSignature as error:
            raise NotFound(N_("This link is no longer valid. Ask for a new one.")) from error
        found = by_session(session_key) if isinstance(session_key, str) else None
        if found is None:
            raise NotFound(N_("This link is no longer valid. Ask for a new one."))
        return found
