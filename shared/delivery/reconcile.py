"""Two sides compare how far their lanes have come, after one of them was restored from a backup.

What the restored receiver has lost is sent again by the other one, whose settled messages are kept for 90 days. What
the restored sender has forgotten is known by the other one's marks: its numbers are never given out a second time.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, collate, func, insert, select, update
from sqlalchemy.orm import Session

from shared.delivery import peers
from shared.delivery.claims import VOID
from shared.delivery.statements import is_postgresql, update_many
from shared.delivery.tables import channels, inbox, lanes_in, lanes_out, outbox
from shared.wire.connection import LaneMark
from shared.wire.states import OutcomeKind

_REFUSED = frozenset({OutcomeKind.REJECTED.value, OutcomeKind.CONFLICT.value})


@dataclass(frozen=True, slots=True)
class Resent:
    """What follows from what the other side has received."""

    messages: dict[str, int] = field(default_factory=dict)
    """How many go out again, by lane."""
    kept: dict[str, int] = field(default_factory=dict)
    """The lowest sequence that goes out again, by lane, where something is missing at the other side."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Messages of a lane from ``floor`` on have got numbers higher by ``by``."""

    floor: int
    by: int


def begin(session: Session, connection_id: str) -> None:
    """Send nothing more until the marks were compared, and remember which numbers the backup already held."""
    session.execute(
        update(lanes_out)
        .where(lanes_out.c.connection_id == connection_id, lanes_out.c.floor.is_(None))
        .values(floor=lanes_out.c.next_sequence)
    )
    peers.pause(session, connection_id)


def finish(session: Session, connection_id: str) -> None:
    """Forget what `begin` remembered; whether to send again is the caller's to say."""
    mine = (lanes_out.c.connection_id == connection_id, lanes_out.c.floor.isnot(None))
    session.execute(update(lanes_out).where(*mine).values(floor=None))


def marks(session: Session, connection_id: str, *, after: str, upto: str | None, limit: int | None) -> list[LaneMark]:
    """Return how far the lanes between two names have come, in the order of the names' bytes, ``limit`` at most."""
    sent = _between(session, lanes_out, connection_id, after, upto, limit)
    received = _between(session, lanes_in, connection_id, after, upto, limit)
    names = sorted({row.lane for row in (*sent, *received)})[:limit]
    given = {row.lane: row.next_sequence - 1 for row in sent}
    taken = {row.lane: row.applied_sequence for row in received}
    stored = _highest_held(session, connection_id, [row.lane for row in received if row.held])
    return [
        LaneMark(
            lane=name,
            sent=given.get(name, 0),
            received=taken.get(name, 0),
            known=max(taken.get(name, 0), stored.get(name, 0)),
        )
        for name in names
    ]


def send_again(session: Session, connection_id: str, received: Mapping[str, int], now_ms: int) -> Resent:
    """Queue anew what lies beyond what the other side has received of each lane; what waits anyway is left alone.

    What the other side had refused goes out as a ``void``: it stays refused.
    """
    settled = {row.channel: row for row in _locked(session, connection_id)}
    given = session.execute(
        select(lanes_out.c.lane, lanes_out.c.next_sequence).where(
            lanes_out.c.connection_id == connection_id, lanes_out.c.lane.in_(sorted(received))
        )
    )
    behind = {row.lane: row.next_sequence - 1 for row in given if row.next_sequence - 1 > received[row.lane]}
    if not behind:
        return Resent()
    rows: dict[str, list[Row[Any]]] = {lane: [] for lane in behind}
    for row in session.execute(_messages_of(connection_id, behind)):
        if row.sequence > received[row.lane]:
            rows[row.lane].append(row)
    result, again = Resent(), []
    for lane, sent in behind.items():
        kept = _kept({row.sequence for row in rows[lane]}, received[lane], sent)
        result.kept[lane] = kept
        lost = [row for row in rows[lane] if row.sequence >= kept and _is_settled(row, settled)]
        if lost:
            result.messages[lane] = len(lost)
            again += lost
    _queue_anew(session, connection_id, settled, again, now_ms)
    return result


def raise_sequences(session: Session, connection_id: str, known: Mapping[str, int]) -> dict[str, Shift]:
    """Let no number be given out that the other side knows already; messages queued since `begin` get higher ones.

    Nothing of the connection may be on its way. Returns which lanes were moved, or begin above what nobody here
    remembers; a second time none does.
    """
    _locked(session, connection_id)
    rows = session.execute(
        select(lanes_out).where(lanes_out.c.connection_id == connection_id, lanes_out.c.lane.in_(sorted(known)))
    ).all()
    shifts = {row.lane: Shift(row.floor or 1, known[row.lane] + 1 - (row.floor or 1)) for row in rows}
    shifts = {lane: shift for lane, shift in shifts.items() if shift.by > 0}
    _renumber(session, connection_id, shifts)
    moved = [
        {
            "connection_id": connection_id,
            "lane": row.lane,
            "next_sequence": row.next_sequence + shifts[row.lane].by,
            "floor": known[row.lane] + 1,
        }
        for row in rows
        if row.lane in shifts
    ]
    update_many(session, lanes_out, ("connection_id", "lane"), moved)
    there = {row.lane for row in rows}
    new: list[dict[str, Any]] = [
        {"connection_id": connection_id, "lane": lane, "next_sequence": mark + 1, "floor": mark + 1}
        for lane, mark in sorted(known.items())
        if mark and lane not in there
    ]
    if new:
        session.execute(insert(lanes_out), new)
    return shifts | {row["lane"]: Shift(1, known[row["lane"]]) for row in new}


def _between(
    session: Session, table: Any, connection_id: str, after: str, upto: str | None, limit: int | None
) -> Sequence[Row[Any]]:
    name = _by_bytes(session, table.c.lane)
    query = select(table).where(table.c.connection_id == connection_id, name > after)
    if upto is not None:
        query = query.where(name <= upto)
    return session.execute(query.order_by(name).limit(limit)).all()


def _by_bytes(session: Session, column: ColumnElement[str]) -> ColumnElement[str]:
    """PostgreSQL sorts as its database was told to; both sides must mean the same order."""
    return collate(column, "C") if is_postgresql(session) else column


def _highest_held(session: Session, connection_id: str, lanes: Collection[str]) -> dict[str, int]:
    if not lanes:
        return {}
    query = select(inbox.c.lane, func.max(inbox.c.sequence)).where(
        inbox.c.connection_id == connection_id, inbox.c.lane.in_(sorted(lanes))
    )
    return {row[0]: row[1] for row in session.execute(query.group_by(inbox.c.lane))}


def _locked(session: Session, connection_id: str) -> Sequence[Row[Any]]:
    """Lock every channel, in order, as whoever queues does."""
    query = select(channels).where(channels.c.connection_id == connection_id).order_by(channels.c.channel)
    return session.execute(query.with_for_update()).all()


def _messages_of(connection_id: str, lanes: Iterable[str]) -> Select[Any]:
    columns = ("id", "channel", "position", "lane", "sequence", "outcome")
    query = select(*(outbox.c[name] for name in columns))
    return query.where(outbox.c.connection_id == connection_id, outbox.c.lane.in_(sorted(lanes)))


def _kept(there: Collection[int], received: int, sent: int) -> int:
    """Return the lowest sequence from which on nothing is missing."""
    lowest = sent + 1
    while lowest - 1 > received and lowest - 1 in there:
        lowest -= 1
    return lowest


def _is_settled(row: Row[Any], settled: Mapping[int, Row[Any]]) -> bool:
    passed: bool = row.position <= settled[row.channel].settled_position
    return passed and row.outcome != OutcomeKind.DEFERRED.value


def _queue_anew(
    session: Session, connection_id: str, settled: Mapping[int, Row[Any]], again: Sequence[Row[Any]], now_ms: int
) -> None:
    places: list[dict[str, Any]] = []
    for number, channel in sorted(settled.items()):
        mine = sorted((row for row in again if row.channel == number), key=lambda row: (row.lane, row.sequence))
        if not mine:
            continue
        places += [
            {"id": row.id, "position": channel.next_position + offset, "outcome": _mark(row)}
            for offset, row in enumerate(mine)
        ]
        session.execute(
            update(channels)
            .where(channels.c.connection_id == connection_id, channels.c.channel == number)
            .values(
                next_position=channels.c.next_position + len(mine),
                moved=channels.c.moved + len(mine),
                due_at=func.coalesce(channels.c.due_at, now_ms),
            )
        )
    update_many(session, outbox, ("id",), places)


def _mark(row: Row[Any]) -> str | None:
    return VOID if row.outcome in _REFUSED else None


def _renumber(session: Session, connection_id: str, shifts: Mapping[str, Shift]) -> None:
    if not shifts:
        return
    query = select(outbox.c.id, outbox.c.lane, outbox.c.sequence, outbox.c.size, outbox.c.body).where(
        outbox.c.connection_id == connection_id, outbox.c.lane.in_(sorted(shifts))
    )
    rows = [_renumbered(row, shifts[row.lane].by) for row in session.execute(query) if _fresh(row, shifts)]
    update_many(session, outbox, ("id",), rows)


def _fresh(row: Any, shifts: Mapping[str, Shift]) -> bool:
    fresh: bool = row.sequence >= shifts[row.lane].floor
    return fresh


def _renumbered(row: Any, by: int) -> dict[str, Any]:
    """Spell a message with its new number; `shared.delivery.outbox` writes the members in this order."""
    before, after = (f'"lane":"{row.lane}","sequence":{number},' for number in (row.sequence, row.sequence + by))
    body = row.body.replace(before, after, 1)
    return {
        "id": row.id,
        "sequence": row.sequence + by,
        "size": row.size + len(body) - len(row.body),
        "body": body,
    }
