"""The service as `wsgi.py` builds it, with one receiver that records its events."""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402

from orders.signals import OrderEvent, order_status_changed  # noqa: E402
from wsgi import app  # noqa: E402

__all__ = ["app"]

_file = os.open(os.environ["CHAOS_SIGNALS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


@order_status_changed.connect
def write_down(event: OrderEvent, **_: object) -> None:
    """One short write to a file opened for appending is not mixed with another process's, and survives ours."""
    os.write(_file, f"{event.id}\n".encode())
