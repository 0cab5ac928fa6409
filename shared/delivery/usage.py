"""What each connection has used of its hourly quotas, summed over all processes (`shared.delivery.quotas`)."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from shared.delivery.statements import insert_one_missing
from shared.delivery.tables import usage


class Totals(NamedTuple):
    """What a connection has used in one hour."""

    octets: int
    lanes: int


class Pending(NamedTuple):
    """What a process has counted in the hour that began at ``window`` (unix ms), and not shared yet."""

    window: int
    octets: int
    lanes: int
    refused: int
    last: str
    """The quota it last refused; empty for none."""
    last_at: int


@dataclass(frozen=True, slots=True)
class Usage:
    """One connection's present hour, to look at; times in unix ms."""

    octets: int = 0
    new_lanes: int = 0
    refused: int = 0
    last_refused: str = ""
    """The quota that was last refused, ever; empty for none."""
    last_refused_at: int | None = None


def add(session: Session, connection_id: str, pending: Pending) -> Totals:
    """Add what one process has counted in an hour, and return the sums of all."""
    mine = usage.c.connection_id == connection_id
    insert_one_missing(session, usage, {"connection_id": connection_id, "window_start": pending.window})
    counts = {"octets": pending.octets, "lanes": pending.lanes, "refused": pending.refused}
    values: dict[str, Any] = {
        name: case((usage.c.window_start == pending.window, usage.c[name] + count), else_=count)
        for name, count in counts.items()
    }
    if pending.last:
        values |= {"last_refused": pending.last, "last_refused_at": pending.last_at}
    # A process that is late with an hour that is over has nothing to add to the present one.
    row = session.execute(
        update(usage)
        .where(mine, usage.c.window_start <= pending.window)
        .values(window_start=pending.window, **values)
        .returning(usage.c.octets, usage.c.lanes)
    ).one_or_none()
    return Totals(row.octets, row.lanes) if row is not None else Totals(pending.octets, pending.lanes)


def used(session: Session, connection_id: str, now_ms: int) -> Usage:
    """Return what a connection has used in the present hour."""
    row = session.execute(select(usage).where(usage.c.connection_id == connection_id)).one_or_none()
    if row is None:
        return Usage()
    if row.window_start <= now_ms - 3_600_000:
        return Usage(last_refused=row.last_refused, last_refused_at=row.last_refused_at)
    return Usage(row.octets, row.lanes, row.refused, row.last_refused, row.last_refused_at)
