"""Forgetting what the protocol allows to forget: never anything unsent, held or in quarantine."""

from typing import Final

from sqlalchemy import Table, delete, func, or_, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from shared.delivery.figures import DAY_MS
from shared.delivery.statements import affected
from shared.delivery.tables import inbox, outbox, settlements
from shared.wire.states import OutcomeKind
from shared.wire.version import MEMORY_DAYS

ROWS_A_STEP: Final = 5_000
"""Rows deleted by one step, so that a purge never keeps the writer from its work for long."""


_UNDECIDED: Final = (OutcomeKind.HELD.value, OutcomeKind.DEFERRED.value)


def purge_inbox(session: Session, connection_id: str, now_ms: int, *, rows: int = ROWS_A_STEP) -> int:
    """Forget ids and hashes older than 90 days, up to ``rows``; return how many.

    The lanes' highest applied sequences stay for ever and go on to answer ``duplicate``.
    """
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
    """Forget messages settled more than ``keep_days`` ago, up to ``rows`` a channel; return how many.

    A message the peer still holds is kept until its late verdict, one that was set aside until it is settled.
    """
    old = (settlements.c.connection_id == connection_id) & (settlements.c.settled_at < now_ms - keep_days * DAY_MS)
    bounds = session.execute(
        select(settlements.c.channel, func.max(settlements.c.last_position).label("last"))
        .where(old)
        .group_by(settlements.c.channel)
    ).all()
    return sum(_purge_channel(session, connection_id, row.channel, row.last, rows) for row in bounds)


def _purge_channel(session: Session, connection_id: str, channel: int, last: int, rows: int) -> int:
    mine = (outbox.c.connection_id == connection_id) & (outbox.c.channel == channel)
    done = or_(outbox.c.outcome.is_(None), outbox.c.outcome.not_in(_UNDECIDED))
    oldest = (
        select(outbox.c.position).where(mine, outbox.c.position <= last, done).order_by(outbox.c.position).limit(rows)
    )
    gone = _delete(session, outbox, mine & outbox.c.position.in_(oldest))
    if gone < rows:
        _delete(
            session,
            settlements,
            (settlements.c.connection_id == connection_id)
            & (settlements.c.channel == channel)
            & (settlements.c.last_position <= last),
        )
    return gone


def _delete(session: Session, table: Table, condition: ColumnElement[bool]) -> int:
    return affected(session.execute(delete(table).where(condition)))
