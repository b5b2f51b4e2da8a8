"""flask-sse as its documentation shows it: Flask, gunicorn with gevent, and a Redis connection for each stream."""

from __future__ import annotations

import os

from flask import Flask
from flask_sse import sse  # type: ignore[import-not-found,import-untyped,unused-ignore]

app = Flask("peer")
app.config["REDIS_URL"] = f"unix://{os.environ['REDIS_SOCKET']}"
app.register_blueprint(sse, url_prefix="/stream")
app.add_url_rule("/readyz", "ready", lambda: {"status": "ready"})
