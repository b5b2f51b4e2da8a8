"""The application as `wsgi.py` builds it, except that entries are not processed: what a PATCH costs by itself.

The row in the outbox is written with the change, as usual; the benchmark empties the outbox between its slices.
"""

from wsgi import app  # noqa: I001  It patches, so it comes first.

from process import onward_of
from outbox.entries import OutboxEntry

__all__ = ["app"]


def forget(_entry: OutboxEntry) -> None:
    """Do none of the effects."""


setattr(onward_of(app).engine, "dispatch", forget)  # noqa: B010  A plain assignment is no valid typing.
