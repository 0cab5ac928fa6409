"""Incidents, their comments, and the bonds that tie them to a peer's copies."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String, Text, UniqueConstraint, select
from sqlalchemy.orm import Mapped, column_property, mapped_column

from consumer_service.base import Base
from shared.runtime.database import JsonText, UtcDateTime


class IncidentNumber(Base):
    """The one row that knows the last number given out."""

    __tablename__ = "incident_numbers"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(Integer)


class Incident(Base):
    """Our copy of an incident."""

    __tablename__ = "incidents"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    origin: Mapped[str] = mapped_column(String(36))
    """``local``, or the connection it came over."""
    short_description: Mapped[str | None] = mapped_column(String(160))
    description: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str | None] = mapped_column(String(40), index=True)
    impact: Mapped[str | None] = mapped_column(String(80))
    urgency: Mapped[str | None] = mapped_column(String(80))
    priority: Mapped[str | None] = mapped_column(String(80))
    category: Mapped[str | None] = mapped_column(String(80))
    subcategory: Mapped[str | None] = mapped_column(String(80))
    caller: Mapped[str | None] = mapped_column(String(80))
    assignment_group: Mapped[str | None] = mapped_column(String(80))
    assigned_to: Mapped[str | None] = mapped_column(String(80))
    location: Mapped[str | None] = mapped_column(String(80))
    contact_type: Mapped[str | None] = mapped_column(String(80))
    close_code: Mapped[str | None] = mapped_column(String(80))
    opened_at: Mapped[str | None] = mapped_column(String(32))
    resolved_at: Mapped[str | None] = mapped_column(String(32))
    closed_at: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(Integer)


class IncidentComment(Base):
    """A comment (travels) or a work note (never leaves); append-only."""

    __tablename__ = "incident_comments"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    """comment or work_note."""
    author: Mapped[str] = mapped_column(String(120))
    """For a comment that came from a peer: its claim."""
    text: Mapped[str] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(String(36))
    """``local``, or the connection it came over."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AppliedBond(Base):
    """A bond whose first message from here the peer has applied: its copy exists.

    Apart from the bond: whoever settles holds the channel, and must not wait for whoever works on the record.
    """

    __tablename__ = "applied_bonds"

    connection_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    """A bond that moves to another connection begins anew there."""
    bond_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    applied_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Bond(Base):
    """Our copy and the peer's, tied together; the id is the lane in both directions."""

    __tablename__ = "bonds"
    __table_args__ = (UniqueConstraint("connection_id", "incident_id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    connection_id: Mapped[str] = mapped_column(String(36), index=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incidents.id"), index=True)
    state: Mapped[str] = mapped_column(String(12))
    """Connected, Disconnected or Error."""
    opened_by_us: Mapped[bool]
    peer_record_id: Mapped[str | None] = mapped_column(String(36))
    peer_number: Mapped[str | None] = mapped_column(String(40))
    sent_sequence: Mapped[int] = mapped_column(Integer)
    """Sequence of our last message in this lane, which only this slice writes to."""
    received_sequence: Mapped[int] = mapped_column(Integer)
    """The peer's highest sequence taken here: what our messages call ``seen``."""
    changed: Mapped[dict[str, int]] = mapped_column(JsonText)
    """Field to the sequence of our own last change of it."""
    pending: Mapped[list[str]] = mapped_column(JsonText)
    """Fields changed while disconnected."""
    problem: Mapped[dict[str, Any] | None] = mapped_column(JsonText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    applied_at: Mapped[datetime | None] = column_property(
        select(AppliedBond.applied_at)
        .where(AppliedBond.bond_id == id, AppliedBond.connection_id == connection_id)  # noqa: A003 - the columns above
        .scalar_subquery()
    )
    """When the peer applied our first message over this bond."""
