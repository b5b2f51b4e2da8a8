"""The application as `wsgi.py` builds it, with the original handler's waits as receivers of its signal.

They run for each event alone, never for a batch: in sequential mode before the response, as in the original handler; in
background mode in the signal's bulkhead.
"""

from wsgi import app  # noqa: I001  It patches, so it comes first.

import gevent

from benchmarks.costs import COSTS
from orders.signals import OrderEvent, order_status_changed

__all__ = ["app"]


class Step:
    """A receiver that only waits, as for another system's response."""

    def __init__(self, name: str, milliseconds: int) -> None:
        self.__qualname__ = name
        self._seconds = milliseconds / 1000

    def __call__(self, _event: OrderEvent, **_: object) -> None:
        gevent.sleep(self._seconds)


# The signal holds its receivers weakly: this tuple keeps them.
STEPS = tuple(Step(name, milliseconds) for name, milliseconds in COSTS.items())
for step in STEPS:
    order_status_changed.connect(step)
