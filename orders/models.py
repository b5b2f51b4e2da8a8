"""Orders and their append-only history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Identity, Index, Integer, LargeBinary, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from foundation.db import Base


class OrderRow(Base):
    """The current state of an order. No index covers what a status change writes, except the change to a closed
    status or out of one: all others stay HOT."""

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("seller_id", "number"),
        Index("orders_seller_id_id_idx", "seller_id", "id"),
        Index("orders_buyer_id_id_idx", "buyer_id", "id"),
        Index("orders_seller_open_idx", "seller_id", "id", postgresql_where=text("open")),
        Index("orders_buyer_open_idx", "buyer_id", "id", postgresql_where=text("open")),
        Index("orders_seller_closed_idx", "seller_id", "closed_as", "id", postgresql_where=text("NOT open")),
        Index("orders_closed_idx", "closed_as", "id", postgresql_where=text("NOT open")),
        Index("orders_seller_id_created_at_id_idx", "seller_id", "created_at", "id"),
        Index("orders_created_at_id_idx", "created_at", "id"),
        Index("orders_seller_id_total_minor_id_idx", "seller_id", "total_minor", "id"),
        Index("orders_total_minor_id_idx", "total_minor", "id"),
        Index("orders_external_id_key", "external_id", unique=True, postgresql_where=text("external_id IS NOT NULL")),
        # Used by the version before only: the release after this one drops it.
        Index(
            "orders_created_at_idx",
            "created_at",
            postgresql_using="brin",
            postgresql_with={"pages_per_range": 16, "autosummarize": True},
        ),
        {"postgresql_with": {"fillfactor": 90}},
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    number: Mapped[str]
    status: Mapped[str]
    prev_status: Mapped[str | None]
    """Written by the UPDATE that changes the status, which so returns the old one without a locking read."""

    version: Mapped[int] = mapped_column(Integer, server_default="1")
    open: Mapped[bool] = mapped_column(Boolean, server_default="true")
    """False while the status is closed."""

    seller_id: Mapped[int]
    buyer_id: Mapped[int]
    buyer_name: Mapped[str]
    buyer_email: Mapped[str]
    items: Mapped[Any] = mapped_column(JSON)
    """Never changes and is always read whole, so it is part of the row."""

    total_minor: Mapped[int]
    currency: Mapped[str]
    tracking: Mapped[Any | None] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    external_id: Mapped[str | None]
    """The order's id in the marketplace's own system."""

    parcels: Mapped[Any | None] = mapped_column(JSON)
    """Only if there are several, or one with an id of its own: the first one, or the only one, is `tracking`."""

    delivery: Mapped[Any | None] = mapped_column(JSONB)
    note: Mapped[str | None]
    due_at: Mapped[datetime | None]
    due_fixed: Mapped[bool | None]
    """Whether somebody said when it is due, so that entering a status with `due` leaves it."""

    metadata_: Mapped[Any | None] = mapped_column("metadata", JSON)
    """JSON and not JSONB, which would write 1e100000 in full."""

    tags: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    closed_as: Mapped[str | None]
    """The closed status, written by the change to it only; NULL while the order is open, or if a version closed it that
    did not know this column (orders/backfill.py)."""


class OrderSearch(Base):
    """What an order is found by (orders/search.py). A status change writes it only if it gives a parcel: a
    trigger adds its number.

    Without fastupdate: the pending list would be emptied by whichever insert finds it full, which then waits for that.
    """

    __tablename__ = "order_search"
    __table_args__ = (
        Index("order_search_document_idx", "document", postgresql_using="gin", postgresql_with={"fastupdate": False}),
        Index("order_search_unfolded_idx", "order_id", postgresql_where=text("NOT folded")),
    )

    order_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[str] = mapped_column(TSVECTOR)
    folded: Mapped[bool] = mapped_column(Boolean, server_default="false")
    """False for what a trigger wrote: the number and the name, as the version before would have. A trigger does so for
    every order that is written without a document, and the service folds it within a minute (orders/backfill.py)."""


class OrderEventRow(Base):
    """One row of an order's history; a trigger refuses UPDATE and DELETE."""

    __tablename__ = "order_events"
    __table_args__ = (
        UniqueConstraint("order_id", "version"),
        UniqueConstraint("idempotency_key", "actor_id", "actor_role"),
        # By which support finds the orders of a request: one filter for 16 pages, where an entry for each row of a
        # random id would cost every change.
        Index(
            "order_events_request_id_idx",
            "request_id",
            postgresql_using="brin",
            postgresql_ops={"request_id": "text_bloom_ops"},
            postgresql_with={"pages_per_range": 16, "autosummarize": True},
        ),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    order_id: Mapped[int]
    """No foreign key: rows come only from the statement that has just written the order, and checking costs it 5 %."""

    version: Mapped[int] = mapped_column(Integer)
    type: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    actor_role: Mapped[str]
    actor_id: Mapped[int]
    actor_via: Mapped[str | None]
    """By whom or what the account acted, `person:12` or `key:5` (access/actors.py); NULL if it is not known."""

    seller_id: Mapped[int]
    buyer_id: Mapped[int]
    tracking: Mapped[Any | None] = mapped_column(JSON)
    """The tracking of this change, not of the order."""

    changed: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    """The names of the members that an edit changed, never their values; empty where none was, but a notification sent
    again; NULL for a change of the status."""

    effect_bits: Mapped[int] = mapped_column(Integer, server_default="0")
    """The bits of this event's effects; those that are no longer pending have happened."""

    idempotency_key: Mapped[str]
    request_id: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    notify: Mapped[bool] = mapped_column(Boolean, server_default="true")
    """False if the change asked not to notify the buyer."""

    held: Mapped[Any | None] = mapped_column(JSON)
    """Of a change that was held: `until` when, and what an undo brings back beside the status, as it was `before`."""

    undoes: Mapped[int | None]
    """The event that this one reverts, which is the one before it."""


class OrderReason(Base):
    """The reason given for a change. Not in the history, from which nothing can be erased."""

    __tablename__ = "order_reasons"

    event_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """No foreign key, as with the history."""

    reason: Mapped[str]


class OrderEdit(Base):
    """What an edit changed, by the names of the members. Not in the history, from which nothing can be erased."""

    __tablename__ = "order_edits"

    event_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """No foreign key, as with the history."""

    before: Mapped[Any] = mapped_column(JSON)
    after: Mapped[Any] = mapped_column(JSON)


class OrderImport(Base):
    """An order that was imported, and the line that brought it."""

    __tablename__ = "order_imports"
    __table_args__ = (UniqueConstraint("external_id"),)

    order_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    external_id: Mapped[str]
    digest: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of what the line said: a repetition has the same, whatever has become of the order. NULL once its buyer's data
    are erased, since names could be guessed by it."""


class SavedViewRow(Base):
    """Filters of the list of orders under a name."""

    __tablename__ = "saved_views"
    __table_args__ = (UniqueConstraint("owner", "name"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    owner: Mapped[str]
    """A person (`person:12`) or, without one, a role and id (`seller:7`)."""

    name: Mapped[str]
    filters: Mapped[Any] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
