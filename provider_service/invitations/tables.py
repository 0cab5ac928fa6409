"""Every token ever minted: its hash for ever, the token itself only while somebody may still need the link."""

from datetime import datetime

from sqlalchemy import Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from provider_service.base import Base
from shared.runtime.database import UtcDateTime


class Invitation(Base):
    """One registration token. ``state``: issued, revoked or used; expiry follows from ``expires_at``."""

    __tablename__ = "invitations"
    __table_args__ = (
        Index(
            "ix_invitations_issued",
            "number",
            unique=True,
            sqlite_where=text("state = 'issued'"),
            postgresql_where=text("state = 'issued'"),
        ),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[str] = mapped_column(String(12), index=True)
    """Number of the registration task."""
    audience: Mapped[str] = mapped_column(String(300))
    """The consumer URL, which the token is for."""
    jti_hash: Mapped[str] = mapped_column(String(64), unique=True)
    token_sealed: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10))
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
