"""Joins the parts of this package; there is one set per process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from flask import Flask
from flask_openapi.blueprint import APIBlueprint

from access.parts import Access
from foundation.connections import PreparedPool
from foundation.pruning import Prune
from foundation.settings import Settings
from notifications import preference_routes
from notifications.inbox import Append
from notifications.wiring import Notifications
from orders import (
    backfill,
    bulk_changes,
    bulk_routes,
    dry_run_routes,
    edit_routes,
    email_trials,
    group_commit,
    import_routes,
    personal_routes,
    routes,
    saved_view_routes,
    tracking_routes,
    workflow_file,
)
from orders import bulk_models as bulk_models  # their tables, for the metadata
from orders import models as models
from orders.bulk_work import BulkWorker
from orders.creation import Creation
from orders.edits import Edits
from orders.effects import event_type, message_email
from orders.effects.given import Given
from orders.explanation import routes as explain_routes
from orders.explanation.tree import Explainer
from orders.fast_path import FastPath
from orders.locked_orders import LockedOrders
from orders.resending import Resending
from orders.status_change import StatusChange, StatusChanges
from orders.undo import Undo
from orders.workflow import Workflow
from outbox import ledger
from outbox.engine import Engine
from side_effects.effects import DurableEffect, EventType
from side_effects.kinds import Kind
from webhooks.deliveries import Deliveries


@dataclass(frozen=True)
class Orders:
    """Orders, and how they may change."""

    workflow: Workflow
    changes: StatusChanges
    undo: Undo
    creation: Creation
    edits: Edits
    resending: Resending
    fast_path: FastPath
    hot_pool: PreparedPool
    routes: tuple[APIBlueprint, ...]
    prune: Mapping[str, Prune]
    """What is deleted in time, or filled in, by name."""

    explainer: Explainer


@dataclass
class OrdersPlan:
    """What the engine needs to know of orders; it is built before the parts that change them, which need the engine."""

    workflow: Workflow
    event_type: EventType = field(init=False)
    of_messages: tuple[DurableEffect, ...] = field(init=False)
    """Further effects of a message in an order's conversation."""

    bulk: BulkWorker = field(init=False)
    changes: StatusChanges | None = None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Side effects that no event writes."""
        return (self.bulk.kind,)

    def change(self, change: StatusChange) -> object:
        """What a timer does; the engine starts no attempt before `build` has returned."""
        return self.started().change(change)

    def started(self) -> StatusChanges:
        """What makes changes."""
        assert self.changes is not None
        return self.changes


def plan(
    app: Flask, settings: Settings, access: Access, append: Append, notifications: Notifications, webhooks: Deliveries
) -> OrdersPlan:
    """The effects of a change, each with its handler. Raises WorkflowError, and SettingsError for wrong templates."""
    plan = OrdersPlan(workflow_file.load(settings.order_workflow, settings.default_language))
    if settings.templates_folder:
        email_trials.check_templates(settings.templates_folder, plan.workflow)
    make_link = access.tracking_links.make if settings.public_url or settings.mail_folder else None
    sent = webhooks if webhooks.keyring else None
    given = Given(settings, plan.workflow, plan.change, notifications.post, notifications.staff, make_link, sent)
    plan.event_type, plan.of_messages = event_type(given), message_email.effects_of(given)
    plan.bulk = BulkWorker(app, append, plan.workflow, plan.started)
    return plan


def build(settings: Settings, access: Access, engine: Engine, plan: OrdersPlan) -> Orders:
    """What creates and changes orders, and the routes to it."""
    workflow, event_type = plan.workflow, plan.event_type
    hot, apart = group_commit.pools(settings.dsn, settings.hot_connections)
    in_flight = group_commit.IN_FLIGHT if settings.web_concurrency == 1 else 1
    changes = StatusChanges(hot, apart, workflow, engine, event_type, settings.require_if_match, in_flight)
    plan.changes = changes
    creation = Creation(workflow, engine, event_type)
    undo = Undo(hot, changes, workflow)
    locked = LockedOrders(workflow, engine, event_type)
    explainer = Explainer(workflow, engine)
    edits, resending = Edits(locked), Resending(locked)
    blueprints = (
        routes.blueprint(
            workflow, changes, undo, creation, edits, partial(ledger.of, engine.durable_pool.run, event_type)
        ),
        dry_run_routes.blueprint(changes),
        import_routes.blueprint(workflow),
        saved_view_routes.blueprint(workflow),
        edit_routes.blueprint(resending),
        tracking_routes.blueprint(access.tracking_links, workflow),
        personal_routes.routes,
        preference_routes.blueprint(workflow.notices.rules),
        explain_routes.blueprint(explainer),
        bulk_routes.blueprint(workflow),
    )
    fast_path = FastPath(access.credentials, changes, access.limits)
    return Orders(
        workflow, changes, undo, creation, edits, resending, fast_path, hot, blueprints, _pruned(settings), explainer
    )


def _pruned(settings: Settings) -> dict[str, Prune]:
    return {
        "closed orders": backfill.fill_closed_as,
        "search terms": backfill.fold_search,
        "bulk changes": partial(bulk_changes.prune, settings.notification_days),
    }
