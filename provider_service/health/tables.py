"""Issues, and the subjects that are looked at again."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from provider_service.base import Base
from shared.runtime.database import UtcDateTime


class IssueRow(Base):
    """One finding of one check about one subject; a recurring finding updates its issue."""

    __tablename__ = "issues"
    __table_args__ = (
        UniqueConstraint("subject_type", "subject_id", "check_id", "item"),
        CheckConstraint("severity IN ('error', 'warning', 'info')", name="severity"),
        CheckConstraint("state IN ('open', 'muted', 'resolved')", name="state"),
        CheckConstraint("state <> 'muted' OR muted_reason <> ''", name="muted_reason"),
        Index(None, "state", "id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    check_id: Mapped[str] = mapped_column(String(80))
    item: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(200))
    severity: Mapped[str] = mapped_column(String(8))
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str] = mapped_column(String(80))
    found: Mapped[str] = mapped_column(Text)
    cause: Mapped[str] = mapped_column(Text)
    fix: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(8))
    muted_reason: Mapped[str] = mapped_column(String(500))
    assigned_to: Mapped[str | None] = mapped_column(String(36))
    first_detected_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_detected_at: Mapped[datetime] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    count: Mapped[int]
    version: Mapped[int]


class SubjectRow(Base):
    """Something that was checked and will be again: at its time, or at once when what it watches has changed."""

    __tablename__ = "check_subjects"
    __table_args__ = (Index(None, "next_check_at"),)

    subject_type: Mapped[str] = mapped_column(String(40), primary_key=True)
    subject_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    watches: Mapped[str] = mapped_column(Text)
    """The watched words, each with a blank before and after it."""
    due: Mapped[bool]
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_check_at: Mapped[datetime] = mapped_column(UtcDateTime)
