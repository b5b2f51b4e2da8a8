"""Sending the buyer the notification of the order's status again, by e-mail and in the inbox, to today's address."""

from __future__ import annotations

from access.principal import Principal
from foundation import sql
from foundation.db import db
from foundation.errors import TooManyRequests
from orders.effects.email import STATUS_MAIL
from orders.errors import BuyerErased, NothingToResend
from orders.locked_orders import LockedOrders
from orders.outbox_entry import RESENT, pending_of_resending
from orders.status_change import Changed

MOST_RESENT, RESENT_SECONDS = 5, 3600
"""For one order: enough for a mistyped address and a full mailbox, and nobody is flooded through us."""

SQL = sql.beside(__file__, kind=STATUS_MAIL, type=RESENT)
SENT = SQL.text("sent")


class Resending:
    """Sends notifications of one process's orders again."""

    def __init__(self, orders: LockedOrders) -> None:
        self._orders = orders
        self._pending = pending_of_resending(orders.event_type)

    def resend(self, principal: Principal, order_id: int) -> Changed:
        """Record it in the history, and send it: with the attempts, the circuit and the dead letters of any other.

        Raises NothingToResend, BuyerErased or TooManyRequests, with nothing sent then.
        """
        order = self._orders.lock(principal, order_id)
        if order.buyer_email == "":
            raise BuyerErased
        status = self._orders.workflow.statuses.get(order.status)
        if status is None or not status.notify.get("buyer"):
            raise NothingToResend(f"The status {order.status} has no notification for the buyer.")
        values = {"order_id": order_id, "most": MOST_RESENT, "seconds": RESENT_SECONDS}
        wait, underway = db.session.execute(SENT, values).one()
        if underway:
            raise NothingToResend(
                "The last e-mail is still being sent, and goes to the address that the order has now."
            )
        if wait:
            raise TooManyRequests(f"An order's notifications are sent again {MOST_RESENT} times an hour at most.", wait)
        return self._orders.write(principal, order_id, RESENT, self._pending)
