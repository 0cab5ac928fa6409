"""Queries of registration tasks."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from provider_service.registrations.tables import Entry, Registration
from shared.wire.states import RegistrationState


def by_number(session: Session, number: str, *, lock: bool = False) -> Registration | None:
    """Return a task, its row locked where asked."""
    query = select(Registration).where(Registration.number == number)
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def open_for(session: Session, connection_id: str) -> Sequence[Registration]:
    """Return the open tasks that made a connection or give it other keys, locked."""
    concerned = or_(Registration.connection_id == connection_id, Registration.rekeys == connection_id)
    query = select(Registration).where(concerned, Registration.closed_at.is_(None)).order_by(Registration.serial)
    return session.scalars(query.with_for_update()).all()


def open_twin(session: Session, company_id: str, consumer_url: str) -> Registration | None:
    """Return the open task of this company and URL, if there is one."""
    query = select(Registration).where(
        Registration.company_id == company_id,
        Registration.consumer_url == consumer_url,
        Registration.closed_at.is_(None),
    )
    return session.scalars(query).one_or_none()


def page(
    session: Session,
    *,
    before: int | None,
    limit: int,
    state: str | None,
    company_id: str | None,
    contact_id: str | None = None,
) -> Sequence[Registration]:
    """Return tasks, newest first, below the serial ``before``."""
    query = select(Registration).order_by(Registration.serial.desc()).limit(limit)
    if before is not None:
        query = query.where(Registration.serial < before)
    if state is not None:
        query = query.where(Registration.state == state)
    if company_id is not None:
        query = query.where(Registration.company_id == company_id)
    if contact_id is not None:
        query = query.where(Registration.contact_id == contact_id)
    return session.scalars(query).all()


def entries(session: Session, serial: int, kinds: Sequence[str]) -> Sequence[Entry]:
    """Return comments and work notes of a task, oldest first."""
    query = select(Entry).where(Entry.registration_serial == serial, Entry.kind.in_(kinds)).order_by(Entry.id)
    return session.scalars(query).all()


def scans_due(session: Session, now: datetime, limit: int) -> Sequence[Registration]:
    """Return tasks whose scan is due, rows locked and those locked by another worker left out."""
    query = (
        select(Registration)
        .where(Registration.scan_due_at <= now, Registration.closed_at.is_(None))
        .order_by(Registration.scan_due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(query).all()


def waiting(session: Session) -> Sequence[Registration]:
    """Return tasks that an issue decides about: failed ones, and open ones nobody has announced."""
    decided = (RegistrationState.VALIDATION_FAILED, RegistrationState.OPEN)
    query = select(Registration).where(Registration.state.in_(decided)).order_by(Registration.serial)
    return session.scalars(query.limit(500)).all()
