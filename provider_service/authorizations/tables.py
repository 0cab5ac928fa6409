"""The authorization a registration is waiting for or has got."""

from datetime import datetime

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from provider_service.base import Base
from shared.runtime.database import UtcDateTime


class Authorization(Base):
    """One row a registration: the newest request; handle and code are kept as hashes only."""

    __tablename__ = "authorizations"

    number: Mapped[str] = mapped_column(String(12), primary_key=True)
    request_hash: Mapped[str] = mapped_column(String(64), unique=True)
    client_id: Mapped[str] = mapped_column(String(36))
    redirect_uri: Mapped[str] = mapped_column(String(400))
    state: Mapped[str] = mapped_column(String(128))
    challenge: Mapped[str] = mapped_column(String(43))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    """Wrong comparison codes typed so far."""
    code_hash: Mapped[str | None] = mapped_column(String(64))
    code_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    decided_by: Mapped[str | None] = mapped_column(String(200))
    """Name of the contact who allowed it."""
