"""Registers the pages with the application, and the headers that every page has."""

from __future__ import annotations

import secrets
from functools import partial

from flask import Response
from flask_openapi.openapi import OpenAPI

from access.parts import Access
from chat.wiring import Chat
from dashboard import (
    assets,
    auth_pages,
    bell,
    board_page,
    brand,
    browser_choices,
    bulk_pages,
    conversation_pages,
    demo_pages,
    error_frame,
    find_page,
    formatters,
    forms,
    link_pages,
    list_page,
    mail_pages,
    messages,
    navigation,
    ops_effects_pages,
    ops_pages,
    order_forms,
    page_trials,
    pages,
    people,
    preference_pages,
    reference,
    settings_pages,
    support_pages,
    texts,
    undoing,
    view_pages,
    webhook_pages,
)
from dashboard.context import PageContext
from dashboard.demo_pages import Demo
from dashboard.demo_streams import StreamCuts
from dashboard.ops_pages import Ops
from foundation import formats, languages
from foundation.settings import Settings
from foundation.version import VERSION
from notifications.unsubscribing import Unsubscribing
from notifications.wiring import Notifications
from operations.wiring import Operations
from orders.wiring import Orders
from outbox.engine import Engine
from realtime.wiring import Realtime
from webhooks.wiring import Webhooks

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "object-src 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: the CSRF check asks for the referrer over HTTPS.
    "Referrer-Policy": "same-origin",
    # A cached page could be older than its cursor says, or another person's.
    "Cache-Control": "no-store",
}
"""Where the resources of a page may come from, and that it must not be cached."""

OF_CONTEXT = (
    board_page.blueprint,
    list_page.blueprint,
    conversation_pages.blueprint,
    pages.blueprint,
    forms.blueprint,
    bulk_pages.blueprint,
    order_forms.blueprint,
    view_pages.blueprint,
    preference_pages.blueprint,
    settings_pages.blueprint,
    settings_pages.shop_blueprint,
)
"""Pages that need no more than what all pages are given."""


def build(
    app: OpenAPI,
    settings: Settings,
    access: Access,
    realtime: Realtime,
    orders: Orders,
    chat: Chat,
    notifications: Notifications,
    engine: Engine,
    operations: Operations,
    webhooks: Webhooks,
) -> StreamCuts | None:
    """Register the pages, what their templates use, and the headers of every HTML response; returns what the demo runs
    in each process. Raises SettingsError for a template of the operator's that cannot be used."""
    context = _context(settings, access, realtime, orders, chat, notifications)
    if settings.templates_folder:
        page_trials.use(app, settings.templates_folder)
    assets.init_app(app)
    _give_to_templates(app)
    app.after_request(_secure)
    app.register_blueprint(auth_pages.blueprint(context.demo))
    app.register_blueprint(reference.blueprint())
    app.register_blueprint(link_pages.blueprint(context, access.tracking_links, access.limits.take))
    app.register_blueprint(realtime.link_routes)
    app.register_blueprint(brand.blueprint())
    for build_pages in OF_CONTEXT:
        app.register_blueprint(build_pages(context))
    app.register_blueprint(preference_pages.unsubscribe_blueprint(context, Unsubscribing(settings)))
    ops = Ops(context, engine, operations.qualifiers, realtime, notifications.alerts.find)
    app.register_blueprint(ops_pages.blueprint(ops))
    app.register_blueprint(ops_effects_pages.effects_blueprint(ops))
    app.register_blueprint(support_pages.blueprint(context, orders.explainer))
    app.register_blueprint(webhook_pages.blueprint(context, webhooks))
    _add_frame(app, context)
    if notifications.folder is not None:
        app.register_blueprint(mail_pages.blueprint(notifications.folder))
    cuts = _build_demo(app, settings, access, realtime, orders, notifications, context) if settings.demo else None
    if settings.templates_folder:
        page_trials.check(app, settings.templates_folder, context)
    return cuts


def _build_demo(
    app: OpenAPI,
    settings: Settings,
    access: Access,
    realtime: Realtime,
    orders: Orders,
    notifications: Notifications,
    context: PageContext,
) -> StreamCuts:
    cuts = StreamCuts(settings.mail_folder and settings.mail_folder / "cut", realtime.hub)
    switch = demo_pages.switch_of(settings.mail_folder, bool(settings.smtp_url))
    demo = Demo(orders.creation, realtime, access.tracking_links, cuts, notifications.folder, switch)
    app.register_blueprint(demo_pages.blueprint(context, demo))
    return cuts


def _context(
    settings: Settings, access: Access, realtime: Realtime, orders: Orders, chat: Chat, notifications: Notifications
) -> PageContext:
    return PageContext(
        orders.workflow,
        orders.changes,
        orders.undo,
        chat,
        notifications.marks,
        realtime.cursor,
        settings.demo,
        orders.edits,
        orders.resending,
        access.tracking_links,
    )


def _give_to_templates(app: OpenAPI) -> None:
    """What every template may use."""
    app.jinja_env.filters.update(formatters.FILTERS)
    app.jinja_env.globals.update(
        text=texts.text, who=messages.who, edited=messages.edited, seen_by=messages.seen_by, said_of=messages.said_of
    )
    app.jinja_env.globals["for_scripts"] = texts.for_scripts
    app.jinja_env.globals["app_version"] = VERSION
    app.jinja_env.globals["undo_seconds"] = undoing.seconds_left
    app.jinja_env.globals.update(effect_state=messages.effect_state, effect_name=messages.effect_name)
    app.jinja_env.globals["zone"] = formats.zone
    app.jinja_env.globals["fresh_key"] = lambda: secrets.token_hex(16)


def _add_frame(app: OpenAPI, context: PageContext) -> None:
    """What the frame of all pages uses, and the search that it opens."""
    offered = navigation.Navigation(app)
    app.register_blueprint(find_page.blueprint(context, offered))
    app.jinja_env.globals.update(
        navigation=offered,
        current_entry=navigation.current,
        browser_choice=browser_choices.chosen,
        role_name=people.ROLE_NAMES.__getitem__,
        bell_panel=partial(bell.panel, context),
        error_in_words=error_frame.in_words,
        reader_of_error=partial(error_frame.reader_of_error, demo=context.demo),
    )


def _secure(response: Response) -> Response:
    """Add these headers to every HTML response, unless it sets its own."""
    if response.mimetype == "text/html":
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Content-Language", languages.current())
    return response
