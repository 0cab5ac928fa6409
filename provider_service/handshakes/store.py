"""Queries of handshakes."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from provider_service.handshakes.tables import Handshake, RefusedAnnouncement


def get(session: Session, number: str, *, lock: bool = False) -> Handshake | None:
    """Return the handshake of a registration, its row locked where asked."""
    query = select(Handshake).where(Handshake.number == number)
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def overdue(session: Session, now: datetime) -> Sequence[Handshake]:
    """Return handshakes past their deadline, those another worker holds left out."""
    query = select(Handshake).where(Handshake.deadline_at <= now).with_for_update(skip_locked=True).limit(50)
    return session.scalars(query).all()


def notices_due(session: Session, now: datetime) -> Sequence[Handshake]:
    """Return handshakes whose consumer is to be told of the cancellation, those another worker holds left out."""
    query = select(Handshake).where(Handshake.notice_due_at <= now).with_for_update(skip_locked=True).limit(20)
    return session.scalars(query).all()


def refused(session: Session, number: str) -> RefusedAnnouncement | None:
    """Return the last announcement that was refused before it was believed."""
    return session.get(RefusedAnnouncement, number)


def forget_refused(session: Session, number: str) -> None:
    """An announcement was believed: what was refused before it is over."""
    session.execute(delete(RefusedAnnouncement).where(RefusedAnnouncement.number == number))


def forget(session: Session, number: str) -> None:
    """Remove the handshake of a registration."""
    session.execute(delete(Handshake).where(Handshake.number == number))
