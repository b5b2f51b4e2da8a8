"""Signed links with which somebody without an account can follow one order.

A link contains the order, its buyer and its expiry; nothing is stored. An order's links are revoked together:
`order:17` is then among the revocations, and links created before are no longer valid. A link created with an API key,
or in a demo, says so and expires with it. A link is read-only unless it says what else its reader may do.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer

from access import api_keys
from access.principal import LINK, Principal
from access.revocations import LINKS, Revocations
from foundation import clock
from foundation.errors import NotFound
from foundation.languages import N_
from foundation.settings import Settings

TRACKING_SALT = "onward: follow an order"
USUAL_DAYS, LONGEST_DAYS = 30, 365
DAY_SECONDS = 24 * 3600

REPLY = "reply"
"""Among what a link allows beyond reading: to read the conversation and write in it."""

READ_ONLY = 4
"""The members of a link that nothing else is said of: order, buyer, creation, expiry."""

NOTHING_MORE: list[Any] = [[], False, []]
"""What the last three members of a link are where it does not have them."""


@dataclass(frozen=True)
class Followed:
    """The order that a link shows, and the principal it is read as."""

    order_id: int
    principal: Principal
    """The buyer; limited to this one order."""

    may: frozenset[str] = frozenset()
    """What the reader may do beyond reading: REPLY, and the statuses to which the order may be moved."""


class TrackingLinks:
    """Creates and verifies links."""

    def __init__(self, settings: Settings, revocations: Revocations) -> None:
        self._settings = settings
        self._revocations = revocations
        self._signer = URLSafeSerializer(settings.signing_keys, salt=TRACKING_SALT)

    def make(
        self,
        order_id: int,
        buyer_id: int,
        days: float = USUAL_DAYS,
        maker: Principal | None = None,
        may: Collection[str] = (),
    ) -> tuple[str, float]:
        """A link to this buyer's order, and its expiry in seconds since 1970: that of the maker's key at the latest."""
        now = round(clock.unix_seconds(), 3)
        ends = now + days * DAY_SECONDS
        content: list[Any] = [order_id, buyer_id, now, ends]
        keys = api_keys.lineage(maker)
        if maker and keys and maker.expires_at is not None:
            content[3] = ends = min(ends, maker.expires_at)
        demo = maker is not None and maker.demo
        if keys or demo or may:
            content += [keys, demo, *([sorted(may)] if may else [])]
        return self.url(str(self._signer.dumps(content))), ends

    def url(self, link: str) -> str:
        """Where a link leads."""
        return self._settings.link(f"/t/{link}")

    def read(self, link: str) -> Followed:
        """The order of this link; raises NotFound if it is expired, revoked or invalid."""
        try:
            order_id, buyer_id, made, ends, *more = self._signer.loads(link)
        except BadSignature as error:
            raise NotFound(N_("This link is no longer valid. Ask the shop for a new one.")) from error
        keys, demo, may = more + NOTHING_MORE[len(more) :]
        principal = Principal("buyer", buyer_id, ends, credential=api_keys.credential_name(keys), via=LINK)
        invalid = self._revocations.refuse(principal, made, subject(order_id)) or clock.unix_seconds() >= ends
        if invalid or not self._holds(keys, demo):
            raise NotFound(N_("This link is no longer valid. Ask the shop for a new one."))
        return Followed(order_id, principal, frozenset(may))

    def holds(self, link: str) -> bool:
        """Whether this link can still be read."""
        try:
            self.read(link)
        except NotFound:
            return False
        return True

    def read_offline(self, link: str) -> Followed | None:
        """The same, or None if the database has to be asked; raises NotFound too."""
        offline = self._revocations.offline and self._made_by_nobody(link)
        return self.read(link) if offline else None

    def _made_by_nobody(self, link: str) -> bool:
        """Whether no API key has to be looked up. An unsigned link is refused anyway."""
        valid, content = self._signer.loads_unsafe(link)
        return not valid or len(content) == READ_ONLY or not content[READ_ONLY]

    def _holds(self, keys: list[int], demo: bool) -> bool:
        """Whether the credential that created the link is still valid."""
        return (self._settings.demo or not demo) and (not keys or api_keys.hold(keys))


def subject(order_id: int) -> str:
    """The subject of all links of an order among the revocations."""
    return f"{LINKS}{order_id}"
