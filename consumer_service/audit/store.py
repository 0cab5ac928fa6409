"""Queries of the audit trail."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Select, Table, bindparam, delete, insert, select, text, tuple_, update
from sqlalchemy.orm import Session

from consumer_service.audit.domain import Position
from consumer_service.audit.tables import AuditEntry, KnownRequest
from shared.runtime.database import UtcDateTime


def add(session: Session, rows: list[dict[str, Any]]) -> None:
    """Write rows with one statement."""
    table = cast("Table", AuditEntry.__table__)  # Core, not the ORM: the hot path
    session.execute(insert(table), rows)


def page(session: Session, *, before: int | None, limit: int, filters: dict[str, str]) -> Sequence[AuditEntry]:
    """Return entries, the newest first, older than position ``before``; ``filters`` are column names and values."""
    query = select(AuditEntry).order_by(AuditEntry.position.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.position < before)
    for name, value in filters.items():
        query = query.where(getattr(AuditEntry, name) == value)
    return session.scalars(query).all()


def feed(
    session: Session, *, after: Position | None, limit: int, actions: Collection[str], subject_type: str | None
) -> Sequence[AuditEntry]:
    """Return entries in the order of the feed, of finished transactions only."""
    query = _finished(session, select(AuditEntry))
    if after is not None:
        place = tuple_(AuditEntry.transaction_id, AuditEntry.position)
        query = query.where(place > (after.transaction, after.entry))
    if actions:
        query = query.where(AuditEntry.action.in_(actions))
    if subject_type is not None:
        query = query.where(AuditEntry.subject_type == subject_type)
    return session.scalars(query.order_by(AuditEntry.transaction_id, AuditEntry.position).limit(limit)).all()


def _finished(session: Session, query: Select[AuditEntry]) -> Select[AuditEntry]:
    """PostgreSQL commits out of order: leave out what a running transaction could still put something before."""
    if session.get_bind().dialect.name != "postgresql":
        return query
    return query.where(text("audit_entries.transaction_id < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"))


def insert_request(session: Session, *, owner: str, key: str, fingerprint: str, now: datetime) -> bool:
    """Claim a key; False where it is taken. Waits for a transaction that is just claiming the same one."""
    claimed = session.execute(
        text(
            "INSERT INTO known_requests (owner, key, fingerprint, created_at) "
            "VALUES (:owner, :key, :fingerprint, :now) ON CONFLICT DO NOTHING RETURNING key"
        ).bindparams(bindparam("now", now, type_=UtcDateTime)),
        {"owner": owner, "key": key, "fingerprint": fingerprint},
    )
    return claimed.first() is not None


def known_request(session: Session, *, owner: str, key: str) -> KnownRequest:
    """Return what stands under a key that is taken."""
    return session.get_one(KnownRequest, (owner, key))


def set_answer(session: Session, *, owner: str, key: str, answer: dict[str, Any]) -> None:
    """Write the answer (columns status, body, headers) to a claimed key."""
    query = update(KnownRequest).where(KnownRequest.owner == owner, KnownRequest.key == key)
    session.execute(query.values(**answer))


def delete_requests(session: Session, *, before: datetime) -> None:
    """Forget what was asked before an instant."""
    session.execute(delete(KnownRequest).where(KnownRequest.created_at < before))
