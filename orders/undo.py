"""Undo: whoever made a change reverts it while it is held, before anything has left the service.

It is a change of its own, with a version and a row in the history. The statement decides between an undo and the
process that begins to send: it gets what is held, or it changes nothing (UNDOABLE in orders/change_sql.py).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from access.principal import Principal
from foundation.connections import PreparedPool
from foundation.errors import NotFound
from orders.errors import NotUndoable, StaleVersion
from orders.lookups import Questions
from orders.schemas import ChangeOrderStatusRequest
from orders.statements import LATEST
from orders.status_change import TRIES, Changed, StatusChange, StatusChanges
from orders.workflow import Workflow

NOT_HELD = "The last change of this order was not held."
NOT_YOURS = "Somebody else changed this order last. Only who made a change can undo it."
UNKNOWN_STATUS = "The workflow does not have the status any more that the order had before."


class Latest(NamedTuple):
    """The order's last event, and the order as it is now."""

    order_version: int
    order_status: str
    head: str
    event_id: int
    version: int
    from_status: str | None
    to_status: str
    notify: bool
    event: str
    mine: bool
    held: bool
    lasts: bool


class Undo:
    """Undoes changes."""

    def __init__(self, pool: PreparedPool, changes: StatusChanges, workflow: Workflow) -> None:
        self._latest = Questions(pool, LATEST)
        self._changes = changes
        self._workflow = workflow

    def undo(self, order_id: int, principal: Principal, key: str = "", version: int | None = None) -> Changed:
        """Undo the order's last change; `version` is the one that it made, if the client names it.

        Raises NotFound, StaleVersion, NotUndoable, IdempotencyMismatch, OrderLocked; nothing has changed then.
        """
        for _ in range(TRIES):
            if key and (done := self._changes.reverted_before(order_id, principal, key)):
                return done
            latest = self._look(order_id, principal)
            new = self._new(latest, principal, version)
            change = StatusChange(order_id, principal, new, key, latest.version, latest.event_id)
            if changed := self._changes.revert(change, latest.to_status):
                return changed
        raise NotUndoable(members=self._members(latest, principal))

    def _look(self, order_id: int, principal: Principal) -> Latest:
        sides = {"seller_id": principal.seller_id, "buyer_id": principal.buyer_id}
        who = {"role": principal.role, "actor_id": principal.id, "actor_via": principal.via or ""}
        row = self._latest.ask({"order_id": order_id, **sides, **who})
        if row is None:
            raise NotFound("No such order.")
        return Latest(*row)

    def _new(self, latest: Latest, principal: Principal, version: int | None) -> ChangeOrderStatusRequest:
        """The change that reverts it; it notifies inside whom that one notified."""
        members = self._members(latest, principal)
        if version is not None and version != latest.version:
            raise StaleVersion(f"The order is at version {latest.version}, not {version}.", members)
        if not latest.held:
            raise NotUndoable(NOT_HELD, members)
        if not latest.mine:
            raise NotUndoable(NOT_YOURS, members)
        if not latest.lasts:
            raise NotUndoable(members=members)
        if latest.from_status is None or latest.from_status not in self._workflow.statuses:
            raise NotUndoable(UNKNOWN_STATUS, members)
        return ChangeOrderStatusRequest(status=latest.from_status, notify=latest.notify)

    def _members(self, latest: Latest, principal: Principal) -> dict[str, Any]:
        """What the client needs to go on from the order as it is."""
        order = self._changes.with_allowed(latest.head, latest.order_status, principal)
        return {
            "current": orjson.Fragment(order),
            "allowed_transitions": self._workflow.targets(latest.order_status, principal.role),
            "changed": orjson.Fragment(latest.event),
        }
