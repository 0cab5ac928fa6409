"""The key ring, the key set as it is published, and what every connection has acknowledged of it."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from consumer_service.base import Base
from shared.runtime.database import JsonText, UtcDateTime

_ACTIVE = text("state = 'active'")
_STAGED = text("state = 'pre_active'")


class KeyRow(Base):
    """One key. The private half is sealed under a master key; the row never holds it open."""

    __tablename__ = "keys"
    __table_args__ = (
        CheckConstraint("purpose IN ('identity', 'http', 'token', 'data')", name="purpose"),
        CheckConstraint("state IN ('pre_active', 'active', 'retiring', 'retired', 'compromised')", name="state"),
        CheckConstraint("(purpose = 'data') = (public_jwk IS NULL)", name="public_jwk"),
        Index("uq_keys_active", "purpose", unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
        Index("uq_keys_pre_active", "purpose", unique=True, sqlite_where=_STAGED, postgresql_where=_STAGED),
    )

    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    algorithm: Mapped[str] = mapped_column(String(16))
    public_jwk: Mapped[dict[str, str] | None] = mapped_column(JsonText)
    private_sealed: Mapped[str] = mapped_column(Text)
    staged_sequence: Mapped[int] = mapped_column(BigInteger)
    """The key set in which it first stood; who acknowledged that one knows the key."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    retiring_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class KeySetRow(Base):
    """The key set that is published: at most one row, replaced with a higher sequence."""

    __tablename__ = "key_set"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sequence: Mapped[int] = mapped_column(BigInteger)
    statement: Mapped[dict[str, Any]] = mapped_column(JsonText)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class KeyAcknowledgement(Base):
    """The highest key set a connection's peer says it has pinned."""

    __tablename__ = "key_acknowledgements"

    connection_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger)
    acknowledged_at: Mapped[datetime] = mapped_column(UtcDateTime)
