"""Editing an order: everything beside its status that may change after it was created."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from psycopg2 import errors as pg
from sqlalchemy.exc import IntegrityError

from access.principal import Principal
from foundation import sql
from foundation.db import commit, db
from foundation.errors import Forbidden, InvalidRequest
from orders import details
from orders.details import METADATA_BYTES
from orders.errors import BuyerErased, DuplicateExternalId, NotEditable
from orders.locked_orders import EDITED_COLUMNS, LockedOrders
from orders.outbox_entry import pending_of_edit
from orders.schemas import EditOrderRequest
from orders.status_change import Changed

WHO = frozenset({"buyer_name", "buyer_email", "delivery"})
"""What identifies the buyer."""

EVERYTHING = frozenset(EditOrderRequest.model_fields)
EDITABLE: Mapping[str, frozenset[str]] = {
    "buyer": WHO,
    "seller": EVERYTHING - {"external_id", "metadata"},
    "operator": EVERYTHING,
    "service": EVERYTHING,
}
"""The members that each role may edit; a buyer only until the order was first shipped."""

MEMBERS = {"tracking": "parcels", "due_fixed": "due_at"}
"""What the history calls columns that are part of another member."""

SQL = sql.beside(__file__)
SHIPPED = SQL.text("shipped")


class Edits:
    """Edits the orders of one process."""

    def __init__(self, orders: LockedOrders) -> None:
        self._orders = orders
        self._pending = pending_of_edit(orders.event_type)
        self._shipping = [status.name for status in orders.workflow.statuses.values() if status.tracking]

    def edit(self, principal: Principal, order_id: int, new: EditOrderRequest, version: int | None) -> Changed:
        """Edit the order; what changes nothing writes nothing. Raises the errors of orders/errors.py, with nothing
        changed then."""
        if refused := new.model_fields_set - EDITABLE[principal.role]:
            raise Forbidden(f"The role {principal.role} may not edit {', '.join(sorted(refused))}.")
        order = self._orders.lock(principal, order_id, version)
        self._refuse(principal, order, new)
        current = {name: getattr(order, name) for name in EDITED_COLUMNS}
        current["due_at"] = current["due_at"] and current["due_at"].isoformat()
        after = _differing(new, current)
        if not after:
            commit()
            return self._orders.unchanged(order, principal)
        return self._write(principal, order_id, {name: current[name] for name in after}, after)

    def _refuse(self, principal: Principal, order: Any, new: EditOrderRequest) -> None:
        if order.buyer_email == "" and new.model_fields_set & WHO:
            raise BuyerErased
        if principal.role != "buyer":
            return
        values = {"order_id": order.id, "statuses": self._shipping}
        if not order.open or db.session.execute(SHIPPED, values).scalar_one():
            raise NotEditable(members=self._orders.refusal(order, principal))

    def _write(
        self, principal: Principal, order_id: int, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> Changed:
        changed = sorted({MEMBERS.get(name, name) for name in after})
        try:
            return self._orders.write(principal, order_id, "order.updated", self._pending, changed, before, after)
        except IntegrityError as error:
            db.session.rollback()
            if not isinstance(error.orig, pg.UniqueViolation):
                raise
            raise DuplicateExternalId from error


def _differing(new: EditOrderRequest, current: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that the edit changes, with their new values."""
    given = details.columns(new, current)
    given |= {name: getattr(new, name) for name in ("buyer_name", "buyer_email") if name in new.model_fields_set}
    if len(orjson.dumps(given.get("metadata"))) > METADATA_BYTES:
        why = f"must not have more than {METADATA_BYTES:,} bytes, with what was there before"
        raise InvalidRequest(f"metadata: {why}.", {"errors": [{"field": "metadata", "message": why}]})
    return {name: value for name, value in given.items() if value != current[name]}
