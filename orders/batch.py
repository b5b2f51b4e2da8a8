"""Many status changes in one request: each is made as if it were sent alone, and has a result of its own.

They are made concurrently, so the group commit puts up to 64 of them into one statement. Changes of one order are made
one after another, in the given order.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakValueDictionary

import gevent
import psycopg2
from gevent import Greenlet
from gevent.pool import Pool

from foundation import logs
from foundation.connections import busy
from foundation.errors import AppError, DatabaseBusy, InternalError, ServiceUnavailable
from orders.errors import OrderLocked
from orders.group_commit import BATCH_LIMIT
from orders.status_change import Changed, StatusChange, StatusChanges

log = logs.get_logger(__name__)

AT_ONCE = 2 * BATCH_LIMIT
"""Of all requests of one principal in this process together: enough for one statement in progress and one waiting."""

UNREACHABLE = "The service cannot reach its database."


_pools: WeakValueDictionary[str, Pool] = WeakValueDictionary()
"""By principal, for as long as one of its requests is in progress."""


class Batch:
    """The changes of one request, and their results."""

    def __init__(self, changes: StatusChanges, wanted: Sequence[StatusChange]) -> None:
        self._changes = changes
        self._wanted = wanted
        self._request_id = logs.request_id.get()
        self._away = False
        self.results: list[Changed | AppError] = [ServiceUnavailable(UNREACHABLE)] * len(wanted)
        """In the given order."""

    def run(self) -> list[Changed | AppError]:
        """Make them all; returns the order or the error of each."""
        places: dict[int, list[int]] = {}
        for place, change in enumerate(self._wanted):
            places.setdefault(change.order_id, []).append(place)
        principal = self._wanted[0].principal
        pool = _pools.setdefault(principal.who, Pool(AT_ONCE))
        orders = list(places.values())
        running: list[Greenlet[..., None]] = []
        while orders:
            if len(running) > BATCH_LIMIT:
                gevent.wait(running, count=len(running) - BATCH_LIMIT)
                gevent.sleep(0)  # those that ended together leave the pool together
            running = [one for one in running if not one.ready()]
            pool.wait_available()
            together = orders[: min(BATCH_LIMIT, pool.free_count())]
            # Started one by one as places become free, each would be a statement of its own. As many as the pool has
            # capacity for: nothing may wait in here, since every other change would wait as well.
            with self._changes.commits.gathering():
                running += [pool.spawn(self._make_all_of_one_order, one) for one in together]
            del orders[: len(together)]
        gevent.joinall(running, raise_error=True)
        return self.results

    def _make_all_of_one_order(self, places: Sequence[int]) -> None:
        logs.request_id.set(self._request_id)  # a new greenlet has no request context
        for place in places:
            if not self._away:
                self.results[place] = self._make(self._wanted[place])

    def _make(self, change: StatusChange) -> Changed | AppError:
        try:
            return self._changes.change(change)
        except OrderLocked as error:
            return error
        except ServiceUnavailable as error:
            # Later ones would wait as long for the same answer.
            self._away = True
            return error
        except AppError as error:
            return error
        except (psycopg2.OperationalError, psycopg2.InterfaceError, psycopg2.errors.ReadOnlySqlTransaction) as error:
            log.warning("database.unavailable", "Database unavailable", exc_info=error)
            return DatabaseBusy() if busy(error) else ServiceUnavailable(UNREACHABLE)
        except Exception as error:
            # The others were made or refused all the same, and need their results.
            log.error(
                "status_change.failed",
                "Status change in a batch failed with an unexpected exception",
                order_id=change.order_id,
                exc_info=error,
            )
            return InternalError()
