"""The effectless application with one statement per change and every request through Flask.

It is the base for the share of the effects, without any of the optimisations.
"""

from benchmarks.effectless_wsgi import app  # noqa: I001  It patches, so it comes first.

from process import onward_of

__all__ = ["app"]

onward = onward_of(app)
setattr(onward.orders.fast_path, "accept", lambda *_: None)  # noqa: B010  A plain assignment is no valid typing.
onward.orders.changes.commits.places = 10_000
