"""Removing what has ended by itself; a timer of the worker calls it."""

from datetime import datetime

from sqlalchemy.orm import Session

from consumer_service.directory import domain, store


def forget_ended(session: Session, *, now: datetime) -> None:
    """Remove sessions that are over and counters of tries nobody made lately."""
    store.purge_sessions(session, seen_before=now - domain.SESSION_IDLE, created_before=now - domain.SESSION_LIFE)
    store.forget_attempts(session, before=now - 2 * domain.TRIES_FORGOTTEN)
