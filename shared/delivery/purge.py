"""Forgetting what the protocol allows to forget: never anything unsent, held or in quarantine."""

from typing import Final

from sqlalchemy import Table, delete, select
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from shared.delivery.figures import DAY_MS
from shared.delivery.tables import inbox, outbox
from shared.wire.states import OutcomeKind
from shared.wire.version import MEMORY_DAYS

ROWS_A_STEP: Final = 5_000
"""Rows deleted by one call, so that a purge never keeps the writer from its work for long."""


def purge_inbox(session: Session, connection_id: str, now_ms: int, *, rows: int = ROWS_A_STEP) -> int:
    """Forget ids and hashes older than 90 days; return how many. The lanes' highest sequences stay for ever."""
    old = (
        select(inbox.c.id)
        .where(
            inbox.c.connection_id == connection_id,
            inbox.c.received_at < now_ms - MEMORY_DAYS * DAY_MS,
            inbox.c.outcome != OutcomeKind.HELD.value,
        )
        .limit(rows)
    )
    return _delete(session, inbox, (inbox.c.connection_id == connection_id) & inbox.c.id.in_(old))


def purge_outbox(
    session: Session, connection_id: str, now_ms: int, *, keep_days: int = MEMORY_DAYS, rows: int = ROWS_A_STEP
) -> int:
    """Forget settled messages after ``keep_days``; return how many. One the peer still holds is kept."""
    old = (
        select(outbox.c.id)
        .where(
            outbox.c.connection_id == connection_id,
            outbox.c.settled_at < now_ms - keep_days * DAY_MS,
            outbox.c.outcome != OutcomeKind.HELD.value,
        )
        .limit(rows)
    )
    return _delete(session, outbox, outbox.c.id.in_(old))


def _delete(session: Session, table: Table, condition: ColumnElement[bool]) -> int:
    result = session.execute(delete(table).where(condition))
    return result.rowcount if isinstance(result, CursorResult) else 0
