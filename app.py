"""The roof: joins the packages in reading order, and knows them all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from flask import Flask, Response, request
from flask_openapi.openapi import OpenAPI

import access.models
import access.routes
import chat.messages
import chat.models
import chat.routes
import dashboard.routes
import notifications.models
import notifications.routes
import operations.metrics
import operations.routes
import orders.creation
import orders.effects
import orders.mail
import orders.models
import orders.personal_routes
import orders.queries
import orders.routes
import orders.timed_transitions
import orders.tracking_routes
import realtime.models
import realtime.routes
from access import guards, revocations
from access.limits import Limits
from access.refresher import Refresher
from access.tracking_links import LONGEST_DAYS, TrackingLinks
from dashboard.context import PageContext
from foundation import cors, db, health, hosts, logs, openapi, poolers, problems
from foundation.connections import PreparedPool
from foundation.contract import BODY_BYTES
from foundation.loop import LoopWatch
from foundation.pruning import Pruner
from foundation.settings import Settings
from foundation.version import VERSION
from notifications import inbox
from notifications.email import Mailer
from orders import group_commit, workflow_file
from orders.channels import channels_of, channels_to_catch_up
from orders.fast_path import FastPath
from orders.status_change import StatusChanges
from orders.workflow import Workflow
from outbox import ledger
from outbox.completion import Announcement
from outbox.engine import Engine
from realtime import log as live_log
from realtime.fast_path import StreamFastPath
from realtime.wiring import Realtime
from server import bodies, https, proxies, screening
from side_effects.effects import EventType
from side_effects.kinds import Kind

FORM_PARTS = 50
"""No form of ours has a dozen fields; a thousand small ones took 85 ms to read."""

INFO = {"title": "Onward", "version": VERSION, "description": openapi.DESCRIPTION}


@dataclass
class Onward:
    """The parts of one process that live as long as it does."""

    settings: Settings
    workflow: Workflow
    engine: Engine
    realtime: Realtime
    changes: StatusChanges
    creation: orders.creation.Creation
    refresher: Refresher
    stream_fast_path: StreamFastPath
    fast_path: FastPath
    pruner: Pruner
    loop: LoopWatch = field(default_factory=LoopWatch)
    stopping: bool = False

    def start(self) -> None:
        """Begin to work; once in each process, after it was forked."""
        self.loop.start()
        self.refresher.start()
        self.realtime.start()
        self.engine.start()
        self.pruner.start()

    def stop(self) -> None:
        """Tell every stream, finish or hand back what is pending, and let go of the database."""
        self.stopping = True
        self.pruner.stop()
        self.realtime.drain()
        self.engine.stop()
        self.realtime.stop()
        self.refresher.stop()
        self.loop.stop()


def build_app(settings: Settings) -> Flask:
    """The application. Nothing runs in it yet: `onward_of(app).start()` begins that."""
    logs.configure(settings.log_level)
    app = OpenAPI(__name__, info=INFO, doc_ui=False, security_schemes=guards.SECURITY)
    app.openapi_version = "3.1.0"
    app.url_map.merge_slashes = False  # or `//api/orders` would be answered with a redirect, also to a PATCH
    app.config["MAX_CONTENT_LENGTH"] = BODY_BYTES
    app.config["MAX_FORM_PARTS"] = FORM_PARTS
    db.init_app(app, settings)
    problems.init_app(app)
    cors.init_app(app, settings.cors_origins)
    https.init_app(app, settings)
    refresher = guards.init_app(app, settings)
    app.before_request(_begin_request)
    app.after_request(_end_request)
    app.extensions["onward"] = _join(app, settings, refresher)
    proxies.init_app(app, settings.trusted_proxies)
    bodies.init_app(app, settings.body_seconds)  # around whatever reads a body
    screening.init_app(app, hosts.one_of(settings.known_hosts))
    return app


def onward_of(app: Flask) -> Onward:
    """The running parts of this application."""
    onward: Onward = app.extensions["onward"]
    return onward


def _join(app: OpenAPI, settings: Settings, refresher: Refresher) -> Onward:
    workflow = workflow_file.load(settings.order_workflow)
    order_event_type = orders.effects.event_type(workflow, by_mail=bool(settings.smtp_url))
    message_event_type = chat.messages.event_type()
    live = Realtime(settings, VERSION, refresher.credentials)
    announcement = Announcement(live_log.APPEND, live_log.APPENDED, live_log.LOCK)
    links = TrackingLinks(settings, refresher.credentials.tokens.revocations)
    kinds = [_status_mail(settings, workflow, links)] if settings.smtp_url else []
    reading = PreparedPool(settings.dsn, 1, "timers")
    kinds.append(orders.timed_transitions.kind(workflow, reading.run, lambda change: changes.change(change)))
    engine = Engine(settings, (order_event_type, message_event_type), kinds, announcement, live.feed.appended)
    hot, apart = group_commit.pools(settings.dsn, settings.hot_connections)
    changes = StatusChanges(hot, apart, workflow, engine, order_event_type, settings.require_if_match)
    creation = orders.creation.Creation(workflow, engine, order_event_type)
    fast_path = FastPath(app.wsgi_app, refresher.credentials, changes, app.extensions["onward.limits"])
    stream_fast_path, pruner = _stream_fast_path(app, live), _pruner(app, settings, live)
    onward = Onward(settings, workflow, engine, live, changes, creation, refresher, stream_fast_path, fast_path, pruner)
    app.wsgi_app = fast_path  # type: ignore[method-assign]
    for package in (
        orders.routes.blueprint(workflow, changes, creation, partial(_ledger, engine, order_event_type)),
        orders.tracking_routes.blueprint(links),
        orders.personal_routes.routes,
        chat.routes.blueprint(engine, message_event_type, orders.queries.parties),
        notifications.routes.routes,
        access.routes.routes,
        access.routes.operating,
        access.routes.listening,
        *realtime.routes.blueprints(live.streams, live.log, channels_of, channels_to_catch_up),
        operations.routes.blueprint(engine),
        operations.metrics.routes,
        health.blueprint(_checks(onward, hot)),
    ):
        app.register_api(package)
    openapi.init_app(app)
    say = partial(chat.messages.say, engine, message_event_type)
    dashboard.routes.init_app(app, PageContext(workflow, changes, say, live.cursor, settings.demo), links)
    return onward


def _stream_fast_path(app: Flask, live: Realtime) -> StreamFastPath:
    limits: Limits = app.extensions["onward.limits"]
    return StreamFastPath(live.streams, partial(guards.recognise, app), channels_of, partial(limits.take, reading=True))


def _status_mail(settings: Settings, workflow: Workflow, links: TrackingLinks) -> Kind:
    pool = PreparedPool(settings.dsn, 1, "mail")
    mailer = Mailer(settings.smtp_url, settings.mail_from, settings.smtp_cleartext_auth)
    # A link that begins with HOST and PORT leads nobody here.
    return orders.mail.status_mail(workflow, mailer, pool.run, links.make if settings.public_url else None)


def _ledger(
    engine: Engine, event_type: EventType, order_id: int, effect_bits: Mapping[int, int]
) -> Mapping[int, list[dict[str, Any]]]:
    return ledger.of(engine.durable_pool.run, event_type, order_id, effect_bits)


def _pruner(app: Flask, settings: Settings, live: Realtime) -> Pruner:
    """What is deleted when it is too old; the side effects are pruned by their own room."""
    taken_back = {"order": (LONGEST_DAYS + 1) * 24, "session": settings.session_hours + 24}
    return Pruner(
        app,
        {
            "live events": live.prune,
            "revocations": partial(revocations.prune, taken_back),
            "notifications": partial(inbox.prune, settings.notification_days),
        },
    )


def _checks(onward: Onward, hot: PreparedPool) -> dict[str, health.Check]:
    return {
        "stopping": lambda: "the process is shutting down" if onward.stopping else None,
        "sessions": poolers.check(onward.settings.dsn),
        "schema": db.schema_problem,
        "changes": hot.refusal,
        "credentials": lambda: (
            None if onward.refresher.credentials.tokens.revocations.known else "revocations have not been read yet"
        ),
        "feed": lambda: None if onward.realtime.feed.alive else "live-event feed is stalled",
        "engine": lambda: None if onward.engine.alive else "side-effect workers are not running",
    }


def _begin_request() -> None:
    logs.request_id.set(logs.new_request_id(request.headers.get("X-Request-ID")))
    if screening.RAISED in request.environ:
        raise request.environ[screening.RAISED]


def _end_request(response: Response) -> Response:
    response.headers["X-Request-ID"] = logs.request_id.get()
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    return response
