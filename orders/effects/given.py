"""What effects are built from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from foundation.settings import Settings
from notifications.email import Mailer
from orders.status_change import StatusChange
from orders.workflow import Workflow
from webhooks.deliveries import Deliveries

Unsubscribe = Callable[[str, str], str]
"""Given an owner of preferences (`buyer:7`) and a kind, returns a URL that turns this kind of e-mail off for them."""

MakeLink = Callable[[int, int], tuple[str, float]]
"""Given an order and its buyer, returns a URL that shows it, and its expiry."""


@dataclass(frozen=True)
class Given:
    """The parts of a process that effects may use."""

    settings: Settings
    workflow: Workflow
    change: Callable[[StatusChange], object]
    """Changes an order's status. An attempt may be repeated, so the change needs a key and a version."""

    mailer: Mailer | None = None
    """None if no mail server is configured."""

    make_link: MakeLink | None = None
    """None if `PUBLIC_URL` is not set: a link that begins with HOST and PORT would lead nobody here."""

    unsubscribe: Unsubscribe | None = None
    """The same."""

    webhooks: Deliveries | None = None
    """None if this installation sends no webhooks."""
