"""The effectless application with a statement of its own for each change and every request through Flask.

It is what the share of the effects is told of: the base that has none of the means by which they are paid for.
"""

from benchmarks.effectless_wsgi import app  # noqa: I001  It patches, so it comes first.

from app import onward_of
from orders.fast_path import FastPath

__all__ = ["app"]

layers = app.wsgi_app
while not isinstance(layers, FastPath):
    layers = layers._app  # type: ignore[attr-defined]
setattr(app, "wsgi_app", layers.flask)  # noqa: B010  A plain assignment is no valid typing.
onward_of(app).changes.commits.places = 10_000
