"""The application as `wsgi.py` builds it, with one receiver of its signal that counts, and a page that shows the
count."""

from wsgi import app  # noqa: I001  It patches, so it comes first.

import itertools

from orders.signals import OrderEvent, order_status_changed

__all__ = ["app"]

_numbers = itertools.count()


@order_status_changed.connect
def count(_event: OrderEvent, **_: object) -> None:
    next(_numbers)


app.add_url_rule("/benchmarks/received", "received", lambda: {"received": next(_numbers)})
