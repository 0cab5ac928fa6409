"""Queries of invitations."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from provider_service.invitations.tables import Invitation


def issued(session: Session, number: str) -> Invitation | None:
    """Return the one invitation of a registration that may still be used, locked."""
    query = select(Invitation).where(Invitation.number == number, Invitation.state == "issued").with_for_update()
    return session.scalars(query).one_or_none()


def latest(session: Session, number: str) -> Invitation | None:
    """Return the youngest invitation of a registration, whatever became of it."""
    query = select(Invitation).where(Invitation.number == number).order_by(Invitation.id.desc()).limit(1)
    return session.scalars(query).first()


def by_hash(session: Session, jti_hash: str) -> Invitation | None:
    """Return the invitation whose token has this hash."""
    return session.scalars(select(Invitation).where(Invitation.jti_hash == jti_hash)).one_or_none()


def usable_for(session: Session, audience: str, now: datetime) -> Sequence[str]:
    """Return the numbers of registrations with a link for this address that may still be used."""
    usable = (Invitation.audience == audience, Invitation.state == "issued", Invitation.expires_at > now)
    return session.scalars(select(Invitation.number).where(*usable).order_by(Invitation.number)).all()
