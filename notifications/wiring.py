"""Joins the parts of this package; there is one set per process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from flask_openapi.blueprint import APIBlueprint

from foundation.settings import Settings
from notifications import digests, inbox
from notifications import models as models  # its tables, for the metadata
from notifications.email import Mailer
from notifications.routes import routes


@dataclass(frozen=True)
class Notifications:
    """Inbox and e-mail."""

    mailer: Mailer | None
    """None if no mail server is configured."""

    prune: Callable[[], int]
    """Deletes a chunk of expired notifications; returns how many."""

    prune_digests: Callable[[], int]
    """The same for digests."""

    routes: tuple[APIBlueprint, ...]


def build(settings: Settings) -> Notifications:
    mailer = Mailer(settings.smtp_url, settings.mail_from, settings.smtp_cleartext_auth) if settings.smtp_url else None
    days = settings.notification_days
    return Notifications(mailer, partial(inbox.prune, days), partial(digests.prune_digests, days), (routes,))
