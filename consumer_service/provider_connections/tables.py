"""One row a provider this instance connects to."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from consumer_service.base import Base
from shared.runtime.database import JsonText, UtcDateTime
from shared.wire.states import DeliveryMode


class ProviderConnection(Base):
    """The onboarding with one provider; ``state`` is a `ProviderConnectionState`."""

    __tablename__ = "provider_connections"
    __table_args__ = (
        Index(
            "ix_provider_connections_live",
            "provider_issuer",
            unique=True,
            sqlite_where=text("live = 1 AND rekeys IS NULL"),
            postgresql_where=text("live AND rekeys IS NULL"),
        ),
        Index(
            "ix_provider_connections_rekeying",
            "rekeys",
            unique=True,
            sqlite_where=text("live = 1"),
            postgresql_where=text("live"),
        ),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    """Grows with every change; what If-Match compares."""
    number: Mapped[str] = mapped_column(String(12))
    """The provider's number of the registration."""
    provider_issuer: Mapped[str] = mapped_column(String(300))
    provider_jkt: Mapped[str] = mapped_column(String(43))
    """Thumbprint of the provider's identity key, as the invitation introduced it."""
    token_sealed: Mapped[str | None] = mapped_column(Text)
    """The registration token, until it is spent or void."""
    token_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    delivery: Mapped[str] = mapped_column(String(8))
    """push, or pull for an instance that cannot be called."""
    state: Mapped[str] = mapped_column(String(24), index=True)
    live: Mapped[bool] = mapped_column(Boolean)
    """False once cancelled or disconnected, and once a re-keying is done; one live row an address, and beside it one
    that re-keys its connection."""
    reason: Mapped[str] = mapped_column(String(500), default="")
    company: Mapped[str] = mapped_column(String(200), default="")
    """Our company, as the provider names it."""
    contact: Mapped[str] = mapped_column(String(200), default="")
    """Who has to sign in at the provider."""
    discovery: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    """The provider's verified discovery document."""
    skew_ms: Mapped[int | None] = mapped_column(Integer)
    """The provider's clock minus ours, in milliseconds."""
    opened_by: Mapped[str] = mapped_column(String(200))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    scan_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    scanned_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    connection_id: Mapped[str | None] = mapped_column(String(36), unique=True)
    """The connection this onboarding has made."""
    rekeys: Mapped[str | None] = mapped_column(String(36))
    """The suspended connection that gets other keys; None where one is made."""
    rekeyed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When that connection got them."""

    @property
    def established(self) -> str | None:
        """The connection whose keys have been exchanged; None before."""
        return self.connection_id if self.rekeys is None else self.rekeys if self.rekeyed_at else None

    @property
    def must_confirm(self) -> bool:
        """Whether the person here has to confirm the comparison code: for ``pull`` and re-keying."""
        return self.delivery == DeliveryMode.PULL or self.rekeys is not None
