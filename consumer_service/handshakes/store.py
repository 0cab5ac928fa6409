"""Queries of handshakes."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from consumer_service.handshakes.tables import Handshake


def get(session: Session, provider_connection_id: str, *, lock: bool = False) -> Handshake | None:
    """Return the handshake of a provider connection, its row locked where asked."""
    query = select(Handshake).where(Handshake.provider_connection_id == provider_connection_id)
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def by_state(session: Session, state_hash: str) -> Handshake | None:
    """Return the handshake whose OAuth state has this hash, locked."""
    query = select(Handshake).where(Handshake.state_hash == state_hash).with_for_update()
    return session.scalars(query).one_or_none()


def completions_due(session: Session, now: datetime) -> Sequence[Handshake]:
    """Return handshakes whose completion is to be tried, those another worker holds left out."""
    return _due(session, Handshake.complete_due_at, now)


def notices_due(session: Session, now: datetime) -> Sequence[Handshake]:
    """Return handshakes whose provider is to be told of the cancellation, those another worker holds left out."""
    return _due(session, Handshake.notice_due_at, now)


def _due(session: Session, column: InstrumentedAttribute[datetime | None], now: datetime) -> Sequence[Handshake]:
    return session.scalars(select(Handshake).where(column <= now).with_for_update(skip_locked=True).limit(20)).all()
