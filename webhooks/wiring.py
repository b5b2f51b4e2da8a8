"""Joins the parts of this package; there is one set per process."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from flask_openapi.blueprint import APIBlueprint

from foundation.settings import Settings
from webhooks import attempt_log, endpoints
from webhooks import models as models  # its tables, for the metadata
from webhooks.deliveries import Deliveries, Notify
from webhooks.endpoints import Endpoints
from webhooks.routes import blueprint
from webhooks.secrets_at_rest import Keyring
from webhooks.sending import Sender


@dataclass(frozen=True)
class Webhooks:
    """Endpoints, and what is sent to them."""

    deliveries: Deliveries
    endpoints: Endpoints
    routes: tuple[APIBlueprint, ...]
    prune: dict[str, Callable[[], int]]
    """What the pruner deletes, by name."""


def plan(settings: Settings, notify: Notify = lambda key, seller_id, shown: None) -> Deliveries:  # noqa: ARG005
    """What the engine needs to know of webhooks; `notify` is called when an endpoint keeps failing, beside the log."""
    keyring = Keyring(settings.webhook_secret_keys)
    return Deliveries(
        settings.dsn,
        keyring,
        Sender(settings.webhook_allow_nets),
        notify,
        settings.webhook_disable_hours,
        settings.webhook_retry_divisor,
    )


def build(settings: Settings, deliveries: Deliveries, statuses: Collection[str]) -> Webhooks:
    """The routes; `statuses` are those that a filter may name."""
    own = Endpoints(deliveries.keyring, deliveries.sender, statuses, deliveries.release)
    return Webhooks(
        deliveries,
        own,
        (blueprint(own, deliveries),),
        {
            "webhook attempts": partial(attempt_log.prune, settings.webhook_log_days),
            "webhook secrets": endpoints.forget,
        },
    )
