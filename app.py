"""The factory: settings in, application out.

Each package builds its part in its `wiring`, in the order of their dependencies; `process.Onward` holds them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from flask import Flask
from flask_openapi.openapi import OpenAPI

from access.guards import SECURITY
from access.parts import Access
from access.wiring import build as build_access
from chat.effects import event_types as types_of_chat
from chat.webhook import effects_of as webhooks_of_chat
from chat.wiring import build as build_chat
from dashboard.wiring import build as build_dashboard
from foundation import health, hosts, openapi
from foundation.pruning import Prune, Pruner
from foundation.settings import Settings
from foundation.wiring import build as build_foundation
from notifications.inbox import CREATED_TYPE, READ_TYPE
from notifications.wiring import Notifications
from notifications.wiring import build as build_notifications
from operations.wiring import build as build_operations
from orders import queries
from orders.channels import channels_of, channels_to_poll
from orders.wiring import build as build_orders
from orders.wiring import plan as plan_orders
from outbox.completion import Announcement
from outbox.wiring import build as build_outbox
from process import Onward
from realtime import log
from realtime.handover import HandOver
from realtime.positions import mark_reads
from realtime.wiring import Realtime
from realtime.wiring import build as build_realtime
from server.bodies import Bodies
from server.proxies import trusting
from server.screening import Screen
from server.wiring import build as build_server
from webhooks.wiring import build as build_webhooks
from webhooks.wiring import plan as plan_webhooks

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def build_app(settings: Settings) -> Flask:
    """The application. Nothing runs in it yet: `onward_of(app).start()` starts it."""
    app = OpenAPI(__name__, info=openapi.INFO, servers=openapi.SERVERS, doc_ui=False, security_schemes=SECURITY)
    app.openapi_version = "3.1.0"
    build_foundation(app, settings)
    onward = app.extensions["onward"] = _build_packages(app, settings)
    for wrapper in reversed(_wrappers(onward)):
        app.wsgi_app = wrapper(app.wsgi_app)  # type: ignore[method-assign, assignment]
    return app


def _build_packages(app: OpenAPI, settings: Settings) -> Onward:
    access = build_access(app, settings)
    build_server(app, settings)
    realtime = build_realtime(settings, access, channels_of, channels_to_poll)
    notifications = build_notifications(app, settings, realtime.append, realtime.hub.say_to)
    alerts = notifications.alerts
    realtime.hub.watch((CREATED_TYPE, READ_TYPE), notifications.counts.note)
    deliveries = plan_webhooks(settings, alerts.endpoint_fails)
    plan = plan_orders(app, settings, access, realtime.append, notifications, deliveries)
    of_messages = (*webhooks_of_chat(deliveries), *plan.of_messages)
    event_types = (plan.event_type, *types_of_chat(queries.NUMBER_OF_ORDER, of_messages))
    announcement = Announcement(log.APPEND_PACKS, log.APPEND_ROWS, log.APPENDED, log.LOCK, realtime.feed)
    kinds = (*alerts.kinds, *plan.kinds)
    engine = build_outbox(settings, event_types, announcement, realtime.feed.appended, kinds)
    realtime.wake_ups.own_backends = engine.appending_backends
    orders = build_orders(settings, access, engine, plan)
    chat = build_chat(engine, queries.parties)
    webhooks = build_webhooks(settings, deliveries, plan.workflow.statuses)
    mark_reads(app, ("orders", "chat", "notifications"), realtime.position)
    operations = build_operations(app, settings, engine, realtime.hub, alerts.find)
    pruned = {**orders.prune, **operations.prune, **webhooks.prune}
    pruner = Pruner(app, {**_pruned(access, realtime, notifications), **pruned})
    onward = Onward(settings, access, realtime, notifications.counts, engine, orders, alerts, operations, pruner)
    for routes in (  # in the order of the contract, docs/openapi.json
        *orders.routes,
        *chat.routes,
        *notifications.routes,
        *access.routes,
        *realtime.routes,
        *webhooks.routes,
        *operations.routes,
        health.blueprint(onward.checks()),
    ):
        app.register_api(routes)
    openapi.init_app(app)
    onward.demo = build_dashboard(
        app, settings, access, realtime, orders, chat, notifications, engine, operations, webhooks
    )
    return onward


def _pruned(access: Access, realtime: Realtime, notifications: Notifications) -> dict[str, Prune]:
    """What is deleted in time, by name."""
    return {**realtime.pruned, "revocations": access.prune, **notifications.prune}


def _wrappers(onward: Onward) -> tuple[Callable[[WSGIApplication], WSGIApplication], ...]:
    """What each request passes before Flask gets it, the outermost first."""
    settings = onward.settings
    return (
        partial(HandOver, detaches=settings.detach_streams),
        partial(Screen, knows_host=hosts.one_of(settings.known_hosts)),
        partial(Bodies, seconds=settings.body_seconds),
        partial(trusting, count=settings.trusted_proxies),
    )
