"""Counting tries, and making those wait who try too often. Soft: signed-in people never notice."""

import math
from datetime import datetime

from sqlalchemy.orm import Session

from consumer_service.directory import domain, store
from shared.wire.errors import TooMany


def count_try(session: Session, key: str, limit: int, now: datetime) -> None:
    """Count one try under ``key``. Raises `TooMany` (``locked_out``) while it has to wait, without counting."""
    row = store.attempt(session, key, now)
    if row.locked_until is not None and row.locked_until > now:
        wait = math.ceil((row.locked_until - now).total_seconds())
        raise TooMany(
            "Too many tries",
            code="locked_out",
            cause="There were many tries on this account or from this address.",
            fix=f"Try again in {wait} seconds.",
            retry_after=wait,
        )
    if now - row.last_at >= domain.TRIES_FORGOTTEN:
        row.count = 0
    row.count += 1
    row.last_at = now
    row.locked_until = domain.lock_until(row.count, limit, now)
    session.flush()


def tries_left(session: Session, key: str, limit: int, now: datetime) -> bool:
    """Count one try under ``key``; False where there were too many, which the asker is not told."""
    try:
        count_try(session, key, limit, now)
    except TooMany:
        return False
    return True
