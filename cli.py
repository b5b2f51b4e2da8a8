"""The command line: `FLASK_APP=cli:create_app` finds the application and the commands of all packages here."""

from __future__ import annotations

import os
import sys

from flask import Flask

import access.commands
import demo.commands
import operations.commands
import operations.people_commands
import orders.commands
import orders.explanation.commands
import orders.import_commands
import orders.personal_commands
import orders.sql_commands
import own_packages
import realtime.commands
import webhooks.commands
import webhooks.endpoint_commands
from app import build_app
from foundation import db
from foundation.settings import Settings, SettingsError
from launch.data_directory import kept_settings
from orders import receivers
from process import onward_of


def create_app() -> Flask:
    """The application, with the secret and the database of `make run` if none are given."""
    own_packages.refuse_others()
    try:
        settings = Settings.from_env(kept_settings(os.environ) | os.environ)
        app = build_app(settings)
        receivers.connect(settings.receivers)
    except SettingsError as error:
        sys.exit("\n".join(error.problems))
    init_commands(app)
    return app


def init_commands(app: Flask) -> None:
    """Add every command to this application; no worker imports any of them."""
    db.init_commands(app)
    access.commands.init_app(app)
    orders.personal_commands.init_app()
    demo.commands.init_app(app)
    onward = onward_of(app)
    orders.commands.init_app(app, onward.orders.workflow)
    orders.explanation.commands.init_app(app, onward.orders.explainer)
    orders.import_commands.init_app(app, onward.orders.workflow)
    orders.sql_commands.init_app(app, onward.engine, onward.orders.changes, onward.orders.workflow)
    app.cli.add_command(realtime.commands.group)
    webhooks.commands.init_app(app, onward.settings)
    webhooks.endpoint_commands.init_app(app)
    operations.commands.init_app(app)
    operations.people_commands.init_app()
