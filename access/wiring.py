"""Joins the parts of this package; there is one set per process."""

from __future__ import annotations

from functools import partial

from flask import Flask

from access import guards, revocations, sessions
from access import models as models  # its tables, for the metadata
from access.credentials import Credentials
from access.devices import Devices
from access.limits import RateLimits
from access.parts import Access
from access.password_links import Links
from access.profile_routes import personal, shops
from access.refresher import Refresher
from access.routes import listening, operating
from access.tokens import Tokens
from access.tracking_links import LONGEST_DAYS, TrackingLinks
from foundation.settings import Settings


def build(app: Flask, settings: Settings) -> Access:
    """Set up sessions and rate limits for the application; the result has to be stored where `access_of` finds it."""
    credentials = Credentials(Tokens.of(settings))
    sessions.init_app(app, settings, credentials)
    guards.init_app(app)
    kept_hours = {"order": (LONGEST_DAYS + 1) * 24, "session": settings.session_hours + 24}
    return Access(
        settings,
        credentials,
        RateLimits(
            settings.rate_limit_reads, settings.rate_limit_writes, settings.redis_url, settings.rate_limit_messages
        ),
        Devices(settings),
        Links(settings),
        TrackingLinks(settings, credentials.tokens.revocations),
        Refresher(app, credentials),
        partial(revocations.prune, kept_hours),
        (personal, shops, operating, listening),
    )
