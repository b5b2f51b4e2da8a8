"""The parts of this package, joined: one set of them lives in each process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from flask_openapi.blueprint import APIBlueprint

from foundation.settings import Settings
from notifications import inbox
from notifications import models as models  # its tables, for whoever asks for the metadata
from notifications.email import Mailer
from notifications.routes import routes


@dataclass(frozen=True)
class Notifications:
    """Who is told, by which way."""

    mailer: Mailer | None
    """None where no mail server is configured."""

    prune: Callable[[], int]
    """Deletes a piece of the notifications that are too old; returns how many these were."""

    routes: tuple[APIBlueprint, ...]


def build(settings: Settings) -> Notifications:
    mailer = Mailer(settings.smtp_url, settings.mail_from, settings.smtp_cleartext_auth) if settings.smtp_url else None
    return Notifications(mailer, partial(inbox.prune, settings.notification_days), (routes,))
