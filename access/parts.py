"""The parts of this package in one process, and where its views and commands find them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from flask import Flask, current_app
from flask_openapi.blueprint import APIBlueprint

from access.credentials import Credentials
from access.devices import Devices
from access.limits import RateLimits
from access.password_links import Links
from access.refresher import Refresher
from access.tracking_links import TrackingLinks
from foundation.settings import Settings


@dataclass(frozen=True)
class Access:
    """Authentication and authorisation."""

    settings: Settings
    credentials: Credentials
    limits: RateLimits
    devices: Devices
    password_links: Links
    tracking_links: TrackingLinks
    refresher: Refresher
    """Keeps the credentials current; started and stopped with the process."""

    prune: Callable[[], int]
    """Deletes a chunk of the revocations that no longer refuse anything; returns how many."""

    routes: tuple[APIBlueprint, ...]


class _HasAccess(Protocol):
    @property
    def access(self) -> Access:
        """This package's part of an application."""


def access_of(app: Flask | None = None) -> Access:
    """This package's part of the given application, or of the current one."""
    onward: _HasAccess = (app or current_app).extensions["onward"]
    return onward.access
