"""The conversation of an order: its messages, the internal notes beside them, and who has seen up to where."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Identity, Index, Sequence, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from foundation.db import Base

message_marks_seq = Sequence("message_marks_seq", metadata=Base.metadata)

CHOSEN = text("client_message_id IS NOT NULL")


class MessageRow(Base):
    """One message. A system message belongs to an event of the order and may have another text for the buyer."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("event_id"),
        Index("messages_order_id_id_idx", "order_id", "id"),
        Index(
            "messages_client_message_id_key",
            *("order_id", "author_role", "author_id", "client_message_id"),
            unique=True,
            postgresql_where=CHOSEN,
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    """From the sequence of which internal notes have theirs too: together they are one conversation."""

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

    client_message_id: Mapped[str | None]
    """What its author's client calls it, so that sending it again writes nothing."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class InternalNoteRow(Base):
    """What the seller's people and operators write to each other, beside the messages.

    It has a table of its own, and no buyer: no statement that reads messages for a buyer could show one, whatever it
    forgets to ask.
    """

    __tablename__ = "internal_notes"
    __table_args__ = (
        Index("internal_notes_order_id_id_idx", "order_id", "id"),
        Index(
            "internal_notes_client_message_id_key",
            *("order_id", "author_role", "author_id", "client_message_id"),
            unique=True,
            postgresql_where=CHOSEN,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    order_id: Mapped[int]
    seller_id: Mapped[int]
    author_role: Mapped[str]
    author_id: Mapped[int]
    author_via: Mapped[str | None]
    body: Mapped[str]
    client_message_id: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class MessageMarkRow(Base):
    """Up to where somebody has seen the conversation of an order."""

    __tablename__ = "message_marks"
    __table_args__ = (UniqueConstraint("id"),)

    order_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reader_role: Mapped[str] = mapped_column(primary_key=True)
    reader_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reader_via: Mapped[str] = mapped_column(primary_key=True)
    """As `author_via`; empty for a plain token."""

    id: Mapped[int]
    """Another with each move of `up_to`, from `message_marks_seq`: an outbox entry is about one move."""

    seller_id: Mapped[int]
    buyer_id: Mapped[int]
    up_to: Mapped[int | None]
    """The newest message that was seen."""

    notes_up_to: Mapped[int | None]
    """The newest internal note that was seen. It is apart, so that nothing a buyer sees of a mark moves with it."""

    at: Mapped[datetime]
    """When `up_to` last moved."""
