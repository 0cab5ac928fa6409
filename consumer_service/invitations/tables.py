"""Tokens handed in and not yet taken up."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from consumer_service.base import Base
from shared.runtime.database import UtcDateTime


class Invitation(Base):
    """One token, bound to the browser that posted it; gone when taken up or after an hour."""

    __tablename__ = "invitations"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    browser_hash: Mapped[str] = mapped_column(String(64), index=True)
    token_sealed: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
