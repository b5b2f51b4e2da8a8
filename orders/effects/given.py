"""What effects are built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from foundation import languages
from foundation.settings import Settings
from notifications.posting import Post
from notifications.staff_mail import StaffMail
from orders.status_change import StatusChange
from orders.workflow import Workflow
from webhooks.deliveries import Deliveries

MakeLink = Callable[[int, int], tuple[str, float]]
"""Given an order and its buyer, returns a URL that shows it, and its expiry."""


@dataclass(frozen=True)
class Given:
    """The parts of a process that effects may use."""

    settings: Settings
    workflow: Workflow
    change: Callable[[StatusChange], object]
    """Changes an order's status. An attempt may be repeated, so the change needs a key and a version."""

    post: Post | None = None
    """None if there is no way to send e-mail."""

    staff: StaffMail | None = None
    """The same for letters to a shop's staff."""

    make_link: MakeLink | None = None
    """None if `PUBLIC_URL` is not set: a link that begins with HOST and PORT would lead nobody here."""

    webhooks: Deliveries | None = None
    """None if this installation sends no webhooks."""

    def language(self, chosen: str | None) -> str:
        """The language of a reader who has chosen this one, or none."""
        return languages.known(chosen) or self.settings.default_language
