"""Connections, and the heartbeats exchanged on them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from provider_service.base import Base
from shared.runtime.database import JsonText, UtcDateTime
from shared.wire.states import ConnectionState

_STATES = ", ".join(f"'{state}'" for state in ConnectionState)


class Connection(Base):
    """One link: the peer as it is pinned, the settings of both sides, and when what is to be told again."""

    __tablename__ = "connections"
    __table_args__ = (
        CheckConstraint(f"state IN ({_STATES})", name="state"),
        CheckConstraint("delivery IN ('push', 'pull')", name="delivery"),
        CheckConstraint("(state = 'Closed') = (closed_at IS NOT NULL)", name="closed_at"),
        Index(None, "heartbeat_due_at"),
        Index(None, "goodbye_due_at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    company_id: Mapped[str] = mapped_column(String(36), index=True)
    registration_number: Mapped[str] = mapped_column(String(16), index=True)
    environment: Mapped[str] = mapped_column(String(40))
    peer_name: Mapped[str] = mapped_column(String(64))
    peer_issuer: Mapped[str] = mapped_column(String(300))
    peer_instance_id: Mapped[str] = mapped_column(String(36))
    peer_instance_type: Mapped[str] = mapped_column(String(16))
    peer_epoch: Mapped[int] = mapped_column(BigInteger)
    """The highest seen; a message of a lower one is refused."""
    peer_software: Mapped[str] = mapped_column(String(64), default="")
    identity_jkt: Mapped[str] = mapped_column(String(64))
    """Thumbprint of the peer's identity key: what is pinned."""
    key_set: Mapped[dict[str, Any]] = mapped_column(JsonText)
    """The peer's key set as it signed it; verified before it was put here."""
    key_set_sequence: Mapped[int] = mapped_column(BigInteger)
    key_set_refresh_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When to look whether the peer has published a newer one; None for a peer that cannot be called."""
    delivery: Mapped[str] = mapped_column(String(8))
    """How the consumer receives."""
    state: Mapped[str] = mapped_column(String(16), index=True)
    identity_lost_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when the peer counts the pinned identity as lost: only another one may re-key; None while it does not."""
    settings_acknowledged: Mapped[bool] = mapped_column(default=False)
    """The peer has applied our settings."""
    peer_settings: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    activated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    close_reason: Mapped[str] = mapped_column(String(500), default="")
    closed_by: Mapped[str] = mapped_column(String(200), default="")
    version: Mapped[int] = mapped_column(default=1)

    own_history: Mapped[str] = mapped_column(String(64), default="")
    """The random word our heartbeats carry until one is answered."""
    own_history_told: Mapped[str] = mapped_column(String(64), default="")
    """The one before, which the peer knows."""
    peer_histories: Mapped[str] = mapped_column(String(300), default="")
    """The last words of the peer's history, the newest first, between blanks."""
    peer_sent: Mapped[int] = mapped_column(BigInteger, default=0)
    peer_received: Mapped[int] = mapped_column(BigInteger, default=0)
    """The peer's own figures, as its last heartbeat told them."""
    contest: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    """Two histories of the peer (`domain.Contest`), once there were two."""
    reconciling: Mapped[bool] = mapped_column(default=False)
    """This side was restored: nothing is sent until the marks were compared."""
    peer_restored: Mapped[bool] = mapped_column(default=False)
    """The peer was restored, and the marks were not compared yet."""
    reconcile_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When this side begins to compare them; None where the peer does, or nothing is to be compared."""
    reconcile_attempts: Mapped[int] = mapped_column(default=0)
    reconciliation: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    """What comparing the marks has shown (`domain.Tally`)."""

    own_number: Mapped[int] = mapped_column(BigInteger, default=0)
    """Heartbeats this side has sent."""
    peer_number: Mapped[int] = mapped_column(BigInteger, default=0)
    """The highest number of a heartbeat the peer has sent in its epoch."""
    heartbeat_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_out_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the peer last answered a call of ours."""
    last_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the peer's last heartbeat came."""
    round_trip_ms: Mapped[int | None]
    skew_ms: Mapped[int | None] = mapped_column(BigInteger)
    """The peer's clock minus ours."""
    beat_failures: Mapped[int] = mapped_column(default=0)
    last_problem: Mapped[dict[str, Any] | None] = mapped_column(JsonText)

    goodbye_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When the peer is to be told that it is over; None once it knows."""
    goodbye_attempts: Mapped[int] = mapped_column(default=0)
    keys_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Not before then our key set is told again."""
    keys_attempts: Mapped[int] = mapped_column(default=0)
    keys_message_id: Mapped[str | None] = mapped_column(String(36))
    keys_message_sequence: Mapped[int] = mapped_column(BigInteger, default=0)
    """The message that carries our key set to a peer that pulls, and the key set's sequence."""


class ConnectionBeat(Base):
    """One heartbeat, kept for a day: the bar of 24 hours and the curve of round trips."""

    __tablename__ = "connection_beats"
    __table_args__ = (Index(None, "connection_id", "at"), Index(None, "at"))

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    connection_id: Mapped[str] = mapped_column(String(36))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    direction: Mapped[str] = mapped_column(String(3))
    """``out``: we called; ``in``: the peer did."""
    round_trip_ms: Mapped[int | None]
    """None for the peer's calls and for those of ours that failed."""
    problem: Mapped[str] = mapped_column(String(64), default="")
    """Code of what went wrong, empty where nothing did."""
