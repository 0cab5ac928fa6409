"""How far the handshake of each registration is."""

from datetime import datetime
from typing import Any

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from provider_service.base import Base
from shared.runtime.database import JsonText, UtcDateTime


class Handshake(Base):
    """What a consumer announced, and what became of it. One row a registration; a reset empties it."""

    __tablename__ = "handshakes"

    number: Mapped[str] = mapped_column(String(12), primary_key=True)
    instance_id: Mapped[str] = mapped_column(String(36))
    """The consumer that the registration is bound to, by its first success."""
    identity_jkt: Mapped[str] = mapped_column(String(43))
    peer_name: Mapped[str] = mapped_column(String(64))
    instance_type: Mapped[str] = mapped_column(String(16))
    epoch: Mapped[int] = mapped_column(Integer)
    delivery: Mapped[str] = mapped_column(String(8))
    key_set: Mapped[dict[str, Any]] = mapped_column(JsonText)
    """The consumer's key set, a signed statement."""
    commitment: Mapped[str] = mapped_column(String(43))
    nonce_p: Mapped[str] = mapped_column(String(43))
    nonce_c: Mapped[str | None] = mapped_column(String(43))
    announced_at: Mapped[datetime] = mapped_column(UtcDateTime)
    deadline_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    """When the handshake is reset unless it got further; None once the connection stands."""
    problem: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    """The last refusal, shown on both sides."""
    problem_step: Mapped[str | None] = mapped_column(String(16))
    allowed_by: Mapped[str | None] = mapped_column(String(200))
    """Name of the contact who allowed it."""
    connection_id: Mapped[str | None] = mapped_column(String(36))
    notice_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    """When the consumer is to be told (again) that the registration was cancelled."""
    notice_attempts: Mapped[int] = mapped_column(Integer, default=0)


class RefusedAnnouncement(Base):
    """The last announcement refused though it brought a token of ours, from whomever. One row a registration."""

    __tablename__ = "refused_announcements"

    number: Mapped[str] = mapped_column(String(12), primary_key=True)
    problem: Mapped[dict[str, Any]] = mapped_column(JsonText)
    refused_at: Mapped[datetime] = mapped_column(UtcDateTime)
