"""The table of profile options."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from provider_service.base import Base
from shared.runtime.database import UtcDateTime


class ProfileOption(Base):
    """An option that was set at least once; what never was has its default and no row."""

    __tablename__ = "profile_options"

    code: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str | None]
    """NULL after a reset: the default counts."""
    changed_by: Mapped[str]
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int]
