"""Queries of requests for access."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from consumer_service.self_service.tables import AccessRequest


def get(session: Session, request_id: str, *, lock: bool = False) -> AccessRequest | None:
    """Return a request, locked where it is to be changed."""
    return session.get(AccessRequest, request_id, with_for_update=lock or None, populate_existing=lock)


def page(
    session: Session, *, before: str | None, limit: int, connection_id: str | None, user_id: str | None
) -> Sequence[AccessRequest]:
    """Return requests, the newest first, below the id ``before``."""
    query = select(AccessRequest).order_by(AccessRequest.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AccessRequest.id < before)
    if connection_id is not None:
        query = query.where(AccessRequest.connection_id == connection_id)
    if user_id is not None:
        query = query.where(AccessRequest.user_id == user_id)
    return session.scalars(query).all()


def due(session: Session, now: datetime, limit: int) -> Sequence[AccessRequest]:
    """Return open requests whose next call is due, locked, those that others hold left out."""
    query = select(AccessRequest).where(AccessRequest.open, AccessRequest.due_at <= now)
    return session.scalars(query.order_by(AccessRequest.due_at).limit(limit).with_for_update(skip_locked=True)).all()
