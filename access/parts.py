"""What this package is made of in one process, and where its views and commands find it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from flask import Flask, current_app
from flask_openapi.blueprint import APIBlueprint

from access.credentials import Credentials
from access.devices import Devices
from access.limits import Limits
from access.people import Links
from access.refresher import Refresher
from access.tracking_links import TrackingLinks
from foundation.settings import Settings


@dataclass(frozen=True)
class Access:
    """Who is asking, and what they may do."""

    settings: Settings
    credentials: Credentials
    limits: Limits
    devices: Devices
    password_links: Links
    tracking_links: TrackingLinks
    refresher: Refresher
    """Keeps the credentials current; started and stopped with the process."""

    prune: Callable[[], int]
    """Forgets a piece of the revocations that say nothing any more; returns how many these were."""

    routes: tuple[APIBlueprint, ...]


class _HasAccess(Protocol):
    @property
    def access(self) -> Access:
        """The part of an application that is ours."""


def access_of(app: Flask | None = None) -> Access:
    """The part of this application; of the one that answers now, where none is named."""
    onward: _HasAccess = (app or current_app).extensions["onward"]
    return onward.access
