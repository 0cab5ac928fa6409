"""Registration tasks with their comments and work notes."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from provider_service.base import Base
from shared.runtime.database import UtcDateTime

_OPEN = text("closed_at IS NULL")


class Registration(Base):
    """One registration task; ``state`` is a `RegistrationState`."""

    __tablename__ = "registrations"
    __table_args__ = (
        Index(
            "ix_registrations_open",
            "company_id",
            "consumer_url",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
    )

    serial: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    number: Mapped[str] = mapped_column(String(12), unique=True)
    """REG and seven digits."""
    version: Mapped[int] = mapped_column(Integer, default=1)
    """Grows with every change; what If-Match compares."""
    company_id: Mapped[str] = mapped_column(ForeignKey("companies.id"))
    contact_id: Mapped[str] = mapped_column(ForeignKey("contacts.id"))
    consumer_url: Mapped[str] = mapped_column(String(300))
    environment: Mapped[str] = mapped_column(String(40), default="")
    state: Mapped[str] = mapped_column(String(24), index=True)
    reason: Mapped[str] = mapped_column(String(500), default="")
    """Why it was closed incomplete."""
    opened_by: Mapped[str] = mapped_column(String(200))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    token_hours: Mapped[int] = mapped_column(Integer)
    scan_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    """When the pre-onboarding scan is to run (again); None when nothing asks for it."""
    scanned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    connection_id: Mapped[str | None] = mapped_column(String(36), unique=True)
    """The connection this task has made."""
    rekeys: Mapped[str | None] = mapped_column(String(36), index=True)
    """The suspended connection this task gives other keys; None for one that makes a connection."""
    rekeyed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When that connection got them."""

    @property
    def established(self) -> str | None:
        """The connection whose keys have been exchanged by this task; None before."""
        return self.connection_id if self.rekeys is None else self.rekeys if self.rekeyed_at else None


class Entry(Base):
    """A comment (the contact may see it) or a work note (internal); append-only."""

    __tablename__ = "registration_entries"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    registration_serial: Mapped[int] = mapped_column(ForeignKey("registrations.serial"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    """comment or work_note."""
    author: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    """May hold the placeholder of the link, never the link."""
    invitation_id: Mapped[str | None] = mapped_column(String(36))
    """The invitation whose link the placeholder stands for."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
