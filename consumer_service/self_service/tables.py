"""What was asked for whom over which connection, so that it is handed over once and can be followed."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from consumer_service.base import Base
from shared.runtime.database import JsonText, UtcDateTime


class AccessRequest(Base):
    """A request for access at a provider, as this side remembers it."""

    __tablename__ = "access_requests"
    __table_args__ = (Index(None, "open", "due_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    """The idempotency key of the call is made of it."""
    connection_id: Mapped[str] = mapped_column(String(36), index=True)
    user_id: Mapped[str] = mapped_column(String(36), index=True)
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(320))
    asked_by: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text)
    """What is sent, byte by byte: a retry must be the same request."""
    handover: Mapped[str] = mapped_column(String(20))
    peer_request_id: Mapped[str | None] = mapped_column(String(36))
    state: Mapped[str | None] = mapped_column(String(30))
    """At the provider, as it was last told."""
    open: Mapped[bool] = mapped_column(Boolean)
    """Whether there is something left to hand over or to follow."""
    attempts: Mapped[int] = mapped_column(Integer)
    """Calls that failed since the last that did not."""
    problem: Mapped[Any | None] = mapped_column(JsonText)
    """Why it was refused, or what the last call met."""
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
