"""Messages the peer had no room for (``deferred``): set aside, so that the rest of their channel goes on.

They keep their sequences and are brought back to the channel's end: a lane's lowest first, a few lanes' worth at a
time; at once when one that was brought back got in, or a held message of theirs was settled; else after a pause.
"""

from typing import Any, Final

from sqlalchemy import Row, func, select, update
from sqlalchemy.orm import Session

from shared.delivery.claims import AGAIN, VOID
from shared.delivery.statements import update_many
from shared.delivery.tables import channels, outbox
from shared.wire.states import OutcomeKind
from shared.wire.version import MESSAGES_PER_REQUEST

PAUSE_MS: Final = 30_000
"""Rest of what was set aside, unless something says earlier that there is room."""


def due(session: Session, now_ms: int) -> bool:
    """Tell whether something set aside may be tried again."""
    query = select(channels.c.channel).where(channels.c.set_aside_until <= now_ms).limit(1)
    return session.execute(query).one_or_none() is not None


def bring_back(session: Session, now_ms: int) -> None:
    """Queue anew, at the end of each channel that is due, one batch of what was set aside."""
    rows = session.execute(
        select(channels)
        .where(channels.c.set_aside_until <= now_ms)
        .order_by(channels.c.connection_id, channels.c.channel)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        _queue_anew(session, row, now_ms)


def note(session: Session, row: Row[Any], count: int, *, progress: bool, now_ms: int) -> None:
    """Count what a settlement has set aside; ``progress``: something brought back got in, so the rest may try."""
    if not count and not (progress and row.set_aside):
        return
    values: dict[str, Any] = {"set_aside": channels.c.set_aside + count}
    if progress:
        values["set_aside_until"] = now_ms
    else:
        values["set_aside_until"] = func.coalesce(channels.c.set_aside_until, now_ms + PAUSE_MS)
    session.execute(update(channels).where(*_is(row.connection_id, row.channel)).values(values))


def hurry(session: Session, connection_id: str) -> None:
    """Try what was set aside as soon as possible: the peer has settled something it held, of whichever lane."""
    resting = (channels.c.connection_id == connection_id, channels.c.set_aside > 0, channels.c.set_aside_until > 0)
    # In order, as everywhere: one statement on many rows promises none.
    session.execute(select(channels.c.channel).where(*resting).order_by(channels.c.channel).with_for_update()).all()
    session.execute(update(channels).where(*resting).values(set_aside_until=0))


def _queue_anew(session: Session, row: Row[Any], now_ms: int) -> None:
    found = session.execute(_lowest(row.connection_id, row.channel)).all()
    left = row.set_aside - len(found)
    session.execute(
        update(channels)
        .where(*_is(row.connection_id, row.channel))
        .values(
            next_position=channels.c.next_position + len(found),
            moved=channels.c.moved + len(found),
            set_aside=left,
            set_aside_until=now_ms + PAUSE_MS if left else None,
            due_at=func.coalesce(channels.c.due_at, now_ms),
        )
    )
    places = [
        {"id": message.id, "position": row.next_position + offset, "outcome": VOID if message.problem else AGAIN}
        for offset, message in enumerate(found)
    ]
    update_many(session, outbox, ("id",), places)


def _lowest(connection_id: str, channel: int) -> Any:
    """Select the lowest sequences of the lanes that waited longest, one batch in all."""
    mine = (
        outbox.c.connection_id == connection_id,
        outbox.c.channel == channel,
        outbox.c.outcome == OutcomeKind.DEFERRED.value,
    )
    waiting = (
        select(
            outbox.c.id,
            outbox.c.problem,
            outbox.c.sequence,
            func.min(outbox.c.position).over(partition_by=outbox.c.lane).label("since"),
            func.row_number().over(partition_by=outbox.c.lane, order_by=outbox.c.sequence).label("place"),
        )
        .where(*mine)
        .subquery()
    )
    # The first of every lane before the second of any: a lane whose first is refused again tells of the others.
    chosen = select(waiting).order_by(waiting.c.place, waiting.c.since).limit(MESSAGES_PER_REQUEST).subquery()
    return select(chosen.c.id, chosen.c.problem).order_by(chosen.c.since, chosen.c.sequence)


def _is(connection_id: str, channel: int) -> tuple[Any, ...]:
    return channels.c.connection_id == connection_id, channels.c.channel == channel
