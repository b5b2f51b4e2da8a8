"""Tables of credentials."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Float,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from foundation.db import Base


class Revocation(Base):
    """Tokens that are no longer valid although their signature is."""

    __tablename__ = "revocations"
    __table_args__ = (
        Index("revocations_at_idx", "at"),
        Index("revocations_subject_idx", "subject", "at"),
        Index("revocations_kind_idx", text("split_part(subject, ':', 1)"), "at"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    subject: Mapped[str]
    """`seller:7` for all tokens of that principal that were issued up to `at`, `jti:…` for one token.

    Revoking a subject again updates its row.
    """

    actor: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class ApiKeyRow(Base):
    """An API key. Only a hash of the secret is stored, by which it is found."""

    __tablename__ = "api_keys"
    __table_args__ = (
        UniqueConstraint("hash"),
        Index("api_keys_ancestors_idx", "ancestors", postgresql_using="gin"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    prefix: Mapped[str]
    """The first characters, by which people recognise it."""

    name: Mapped[str]
    role: Mapped[str]
    principal_id: Mapped[int]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    actor: Mapped[str]
    """Who created it."""

    ancestors: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")
    """The keys that it was created with, from the first ancestor to its parent: it is revoked with each of them."""

    demo: Mapped[bool] = mapped_column(server_default=false())
    """Whether it was created through the demo's buttons: it is valid while there is a demo."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    """To the minute."""

    revoked_at: Mapped[datetime | None]


class PersonRow(Base):
    """An account with a password. Several people may act for one principal, as a shop's staff does."""

    __tablename__ = "people"
    __table_args__ = (
        UniqueConstraint("email"),
        UniqueConstraint("session_key"),
        Index("people_role_principal_id_idx", "role", "principal_id"),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    email: Mapped[str]
    """In lower case."""

    name: Mapped[str]
    role: Mapped[str]
    principal_id: Mapped[int]
    password: Mapped[str | None]
    """Its argon2id hash; none until the person has chosen one."""

    session_key: Mapped[str]
    """The name in the session cookie. It changes with the password, which ends all sessions and links that contain
    it."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    signed_in_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    language: Mapped[str | None]
    """BCP 47; NULL, as with the next two, leaves it to the browser."""

    time_zone: Mapped[str | None]
    """IANA."""

    theme: Mapped[str | None]


class SellerRow(Base):
    """How a shop is named and shown to buyers. Sellers are the marketplace's: most have no row here."""

    __tablename__ = "sellers"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    logo: Mapped[str | None]
    """A data: URL."""

    colour: Mapped[str | None]
    reply_to: Mapped[str | None]
    hours: Mapped[str | None]
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class SignInAttempt(Base):
    """Recent sign-in attempts by account, address and device; counted over all processes."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = (Index("sign_in_attempts_since_idx", "since"),)

    key: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """A hash: what somebody tries is private."""

    count: Mapped[int] = mapped_column(Integer)
    since: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class StreamTicketRow(Base):
    """Lets its holder open one stream, within seconds, without a header; deleted when it is used."""

    __tablename__ = "stream_tickets"
    __table_args__ = (Index("stream_tickets_expires_at_idx", "expires_at"),)

    hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    role: Mapped[str]
    principal_id: Mapped[int]
    credential: Mapped[str]
    """The name of the credential that requested the ticket: revoking that one revokes the ticket."""

    credential_expires: Mapped[float | None] = mapped_column(Float)
    """The expiry of that credential, and of the stream; seconds since 1970."""

    scopes: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    demo: Mapped[bool] = mapped_column(server_default=false())
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    expires_at: Mapped[datetime]


class IdempotencyKey(Base):
    """The response to a request with a key, for 24 hours; written by the transaction that applied it."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        Index("idempotency_keys_created_at_idx", "created_at"),
        Index("idempotency_keys_orders_idx", "order_ids", postgresql_using="gin"),
        Index(
            "idempotency_keys_without_orders_idx",
            "created_at",
            "principal",
            "key",
            postgresql_where=text("order_ids IS NULL AND body IS NOT NULL"),
        ),
    )

    principal: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    """Equal for requests with the same content."""

    status: Mapped[int] = mapped_column(Integer)
    body: Mapped[str | None]
    """None if it contained a secret, or was erased."""

    order_ids: Mapped[list[int] | None] = mapped_column(ARRAY(BigInteger))
    """The orders that the response mentions. An earlier version wrote none."""

    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
