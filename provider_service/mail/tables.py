"""The queue of mails, which is also their record."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from provider_service.base import Base
from shared.runtime.database import JsonText, UtcDateTime

WAITING = ("queued", "failed")
"""Statuses of mails that are still to be handed over."""


class Mail(Base):
    """One mail to one person. Secrets in it are named by reference and made when it is handed over."""

    __tablename__ = "mails"
    __table_args__ = (
        CheckConstraint("status IN ('queued', 'failed', 'sent', 'dropped')", name="status_known"),
        Index(None, "status", "next_attempt_at"),
        Index(None, "related_type", "related_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    recipient: Mapped[str]
    template: Mapped[str]
    language: Mapped[str]
    parameters: Mapped[Any] = mapped_column(JsonText)
    """What the template is filled in with; a secret stands there as ``{"secret": "kind:reference"}``."""
    related_type: Mapped[str]
    related_id: Mapped[str]
    status: Mapped[str]
    edition: Mapped[int]
    """Raised when a person sends it again, so that it is a new message and no repetition."""
    attempts: Mapped[int]
    """Hand-overs tried of this edition."""
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """Not before this instant; pushed forward by a lease while a worker hands it over."""
    problem: Mapped[str]
    """What the mail server said last, or why it was dropped."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    queued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When this edition was queued."""
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
