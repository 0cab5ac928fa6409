"""How far the handshake with each provider is."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from consumer_service.base import Base
from shared.runtime.database import JsonText, UtcDateTime


class Handshake(Base):
    """One attempt to connect; a new attempt replaces it. Secrets are sealed, handles kept as hashes."""

    __tablename__ = "handshakes"

    provider_connection_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    commitment: Mapped[str] = mapped_column(String(43))
    nonce_p: Mapped[str | None] = mapped_column(String(43))
    revealed: Mapped[bool] = mapped_column(Boolean, default=False)
    comparison: Mapped[str | None] = mapped_column(String(9))
    state_hash: Mapped[str] = mapped_column(String(64), unique=True)
    """Hash of the OAuth state, which ties the browser's return to this attempt."""
    verifier_sealed: Mapped[str] = mapped_column(Text)
    administrator_id: Mapped[str] = mapped_column(String(36))
    """Who began the attempt; only this person may bring the code back."""
    authorize_url: Mapped[str | None] = mapped_column(Text)
    code_sealed: Mapped[str | None] = mapped_column(Text)
    """The authorization code from its arrival until it is redeemed."""
    confirmed: Mapped[bool] = mapped_column(Boolean, default=False)
    """The person here confirmed the comparison code (pull, re-keying)."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    problem: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    problem_step: Mapped[str | None] = mapped_column(String(16))
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)
    complete_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    """When the completion is to be tried (again) by the worker."""
    notice_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    """When the provider is to be told (again) that we cancelled."""
    notice_attempts: Mapped[int] = mapped_column(Integer, default=0)
