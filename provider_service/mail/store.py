"""Queries of the mail queue."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from provider_service.mail.tables import WAITING, Mail


def due(session: Session, *, now: datetime, limit: int) -> Sequence[Mail]:
    """Lock and return mails that are due, the longest waiting first; another worker's are passed over."""
    query = (
        select(Mail)
        .where(Mail.status.in_(WAITING), Mail.next_attempt_at <= now)
        .order_by(Mail.next_attempt_at, Mail.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return session.scalars(query).all()


def locked(session: Session, mail_id: str) -> Mail | None:
    """Return one mail, locked."""
    return session.get(Mail, mail_id, with_for_update=True)


def waiting(session: Session, *, related_type: str, related_id: str) -> Sequence[Mail]:
    """Lock and return the mails about a subject that are not settled yet."""
    query = select(Mail).where(
        Mail.related_type == related_type, Mail.related_id == related_id, Mail.status.in_(WAITING)
    )
    return session.scalars(query.order_by(Mail.id).with_for_update()).all()


def page(
    session: Session,
    *,
    related_type: str | None,
    related_id: str | None,
    status: str | None,
    before: str | None,
    limit: int,
) -> Sequence[Mail]:
    """Return mails, the newest first, older than id ``before``."""
    query = select(Mail).order_by(Mail.id.desc()).limit(limit)
    for column, value in ((Mail.related_type, related_type), (Mail.related_id, related_id), (Mail.status, status)):
        if value is not None:
            query = query.where(column == value)
    if before is not None:
        query = query.where(Mail.id < before)
    return session.scalars(query).all()
