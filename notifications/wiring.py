"""Joins the parts of this package; there is one set per process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from flask import Flask
from flask_openapi.blueprint import APIBlueprint

from foundation.settings import Settings
from notifications import digests, inbox
from notifications import models as models  # its tables, for the metadata
from notifications.email import Mailer
from notifications.inbox import Append, Marks
from notifications.live_counts import LiveCounts, Say
from notifications.routes import blueprint


@dataclass(frozen=True)
class Notifications:
    """Inbox and e-mail."""

    mailer: Mailer | None
    """None if no mail server is configured."""

    marks: Marks
    counts: LiveCounts
    prune: Callable[[], int]
    """Deletes a chunk of expired notifications; returns how many."""

    prune_digests: Callable[[], int]
    """The same for digests."""

    routes: tuple[APIBlueprint, ...]


def build(app: Flask, settings: Settings, append: Append, say: Say) -> Notifications:
    """`append` adds a live event to a transaction, `say` sends one that is not stored."""
    mailer = Mailer(settings.smtp_url, settings.mail_from, settings.smtp_cleartext_auth) if settings.smtp_url else None
    marks, days = Marks(append), settings.notification_days
    return Notifications(
        mailer,
        marks,
        LiveCounts(app, say),
        partial(inbox.prune, days),
        partial(digests.prune_digests, days),
        (blueprint(marks),),
    )
