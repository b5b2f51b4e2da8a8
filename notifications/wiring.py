"""Joins the parts of this package; there is one set per process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from flask import Flask
from flask_openapi.blueprint import APIBlueprint

from foundation.connections import PreparedPool
from foundation.pruning import Prune
from foundation.settings import Settings
from notifications import alerts, digests, inbox, staff_mail
from notifications import models as models  # its tables, for the metadata
from notifications.alerts import Alerts
from notifications.email import Mailer
from notifications.inbox import Append, Marks
from notifications.kept_mail import MailFolder
from notifications.kept_sessions import MAILS_PER_CONNECTION
from notifications.letters import Letters, template_folders
from notifications.live_counts import LiveCounts, Say
from notifications.posting import Mailing, Post
from notifications.routes import blueprint
from notifications.staff_mail import StaffMail
from notifications.unsubscribing import Unsubscribing


@dataclass(frozen=True)
class Notifications:
    """Inbox and e-mail."""

    post: Post | None
    """None if there is no way to send e-mail: no mail server, and not the demo."""

    folder: MailFolder | None
    """Where the demo's e-mails are: no mail server gets them, or its own one keeps them there."""

    marks: Marks
    counts: LiveCounts

    staff: StaffMail | None
    """Letters to everybody of a shop, or to all operators; None as `post` is."""

    alerts: Alerts
    prune: Mapping[str, Prune]
    """What is deleted in time, by name; and the look at what operators have to be notified of."""

    routes: tuple[APIBlueprint, ...]


def build(app: Flask, settings: Settings, append: Append, say: Say) -> Notifications:
    """`append` adds a live event to a transaction, `say` sends one that is not stored."""
    folder = _folder(settings)
    mailing = _mailer(settings) or folder
    unsubscribe = Unsubscribing(settings).link if settings.public_url else None
    run = PreparedPool(settings.dsn, 1, "mail").run
    post = Post(Letters(template_folders(settings.templates_folder)), mailing, run, unsubscribe) if mailing else None
    staff = StaffMail(post) if post else None
    marks = Marks(append)
    found = Alerts(run, staff, settings.alert_dead_letters)
    return Notifications(
        post,
        folder,
        marks,
        LiveCounts(app, say),
        staff,
        found,
        {
            "notifications": partial(inbox.prune, settings.notification_days),
            "digests": partial(digests.prune_digests, settings.notification_days),
            "sent letters": partial(staff_mail.prune_letters, settings.notification_days),
            "alerts": partial(alerts.prune_alerts, settings.notification_days),
            "causes for alerts": found.look,
        },
        (blueprint(marks),),
    )


def _folder(settings: Settings) -> MailFolder | None:
    """For the demo alone: in production, e-mail that nobody gets is a mistake, not a file."""
    if settings.mail_folder is None or not settings.demo:
        return None
    return MailFolder(settings.mail_folder, settings.mail_from)


def _mailer(settings: Settings) -> Mailing | None:
    if not settings.smtp_url:
        return None
    return Mailer(settings.smtp_url, settings.mail_from, settings.smtp_cleartext_auth, MAILS_PER_CONNECTION)
