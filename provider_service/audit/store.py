"""Queries of the audit trail."""

from collections.abc import Collection, Sequence
from typing import Any, cast

from sqlalchemy import Select, Table, select, text, tuple_
from sqlalchemy.orm import Session

from provider_service.audit import tables
from provider_service.audit.tables import AHEAD, AuditEntry, current_transaction
from shared.delivery.statements import insert_many
from shared.runtime.columns import native

_TRANSACTION = current_transaction()


def add(session: Session, rows: list[dict[str, Any]]) -> None:
    """Write rows with one statement, past the ORM: every message that is applied leaves one."""
    table = cast("Table", AuditEntry.__table__)
    session.flush()  # the change stands before its entry
    insert_many(session, table, native(session, table, rows), transaction_id=_TRANSACTION)


def page(session: Session, *, before: int | None, limit: int, filters: dict[str, str]) -> Sequence[AuditEntry]:
    """Return entries, the newest first, older than position ``before``; ``filters`` are column names and values."""
    query = select(AuditEntry).order_by(AuditEntry.position.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.position < before)
    for name, value in filters.items():
        query = query.where(getattr(AuditEntry, name) == value)
    return session.scalars(query).all()


def feed(
    session: Session, *, after: tuple[int, int] | None, limit: int, actions: Collection[str], subject_type: str | None
) -> Sequence[AuditEntry]:
    """Return entries behind the place ``after`` (transaction, position), of finished transactions only."""
    query = _finished(session, select(AuditEntry))
    if after is not None:
        place = tuple_(AuditEntry.transaction_id, AuditEntry.position)
        query = query.where(place > after)
    if actions:
        query = query.where(AuditEntry.action.in_(actions))
    if subject_type is not None:
        query = query.where(AuditEntry.subject_type == subject_type)
    return session.scalars(query.order_by(AuditEntry.transaction_id, AuditEntry.position).limit(limit)).all()


def _finished(session: Session, query: Select[AuditEntry]) -> Select[AuditEntry]:
    """PostgreSQL commits out of order: leave out what a running transaction could still put something before."""
    if session.get_bind().dialect.name != "postgresql":
        return query
    finished = f"audit_entries.transaction_id < pg_snapshot_xmin(pg_current_snapshot())::text::bigint + {AHEAD}"
    return query.where(text(finished))


def go_on_numbering(session: Session) -> None:
    """Number what is written from now on behind all that is there."""
    session.flush()
    tables.go_on_numbering(session.connection())
