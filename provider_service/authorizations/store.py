"""Queries of authorizations."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from provider_service.authorizations.tables import Authorization


def get(session: Session, number: str, *, lock: bool = False) -> Authorization | None:
    """Return the authorization of a registration."""
    query = select(Authorization).where(Authorization.number == number)
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def by_request(session: Session, request_hash: str, *, lock: bool = False) -> Authorization | None:
    """Return the authorization with this request handle."""
    query = select(Authorization).where(Authorization.request_hash == request_hash)
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def forget(session: Session, number: str) -> None:
    """Remove the authorization of a registration."""
    session.execute(delete(Authorization).where(Authorization.number == number))
