"""Registers the pages with the application."""

from __future__ import annotations

import secrets

from flask_openapi.openapi import OpenAPI

from access.parts import Access
from chat.wiring import Chat
from dashboard import auth_pages, formatters, forms, headers, messages, pages, reference, tracking_page
from dashboard.context import PageContext
from foundation.settings import Settings
from orders.wiring import Orders
from realtime.wiring import Realtime


def build(app: OpenAPI, settings: Settings, access: Access, realtime: Realtime, orders: Orders, chat: Chat) -> None:
    """Register the pages, what their templates use, and the headers of every HTML response."""
    context = PageContext(orders.workflow, orders.changes, chat.say, realtime.cursor, settings.demo)
    app.jinja_env.filters.update(formatters.FILTERS)
    app.jinja_env.globals["text"] = messages.text
    app.jinja_env.globals["fresh_key"] = lambda: secrets.token_hex(16)
    app.after_request(headers.secure)
    app.register_blueprint(auth_pages.blueprint(context.demo))
    app.register_blueprint(reference.blueprint())
    app.register_blueprint(tracking_page.blueprint(context, access.tracking_links))
    app.register_blueprint(pages.blueprint(context))
    app.register_blueprint(forms.blueprint(context))
