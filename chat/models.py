"""The messages of an order's conversation."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Identity, Index, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from foundation.db import Base


class MessageRow(Base):
    """One message. A system message belongs to an event of the order and may have another text for the buyer."""

    __tablename__ = "messages"
    __table_args__ = (UniqueConstraint("event_id"), Index("messages_order_id_id_idx", "order_id", "id"))

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    order_id: Mapped[int]
    event_id: Mapped[int | None]
    kind: Mapped[str]
    """`system` or `person`."""

    seller_id: Mapped[int]
    buyer_id: Mapped[int]
    author_role: Mapped[str | None]
    author_id: Mapped[int | None]
    author_via: Mapped[str | None]
    """As `actor_via` in the history of orders."""

    body: Mapped[str]
    buyer_body: Mapped[str | None]
    """The buyer's text, if it differs."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
