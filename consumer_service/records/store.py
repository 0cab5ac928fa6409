"""Queries of records: few statements for many rows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row, Table, bindparam, insert, select, update
from sqlalchemy.orm import Session

from consumer_service.records.tables import Bond, Incident, IncidentComment, IncidentNumber

_INCIDENT = cast("Table", Incident.__table__)
_BOND = cast("Table", Bond.__table__)


def take_numbers(session: Session, count: int) -> int:
    """Take ``count`` numbers in a row; return the first."""
    taken = update(IncidentNumber).values(last=IncidentNumber.last + count).returning(IncidentNumber.last)
    last = session.execute(taken).scalar_one_or_none()
    if last is None:
        session.execute(insert(IncidentNumber), [{"id": 1, "last": count}])
        last = count
    return int(last) - count + 1


def incidents(session: Session, *, ids: Collection[str] = (), numbers: Collection[str] = ()) -> Sequence[Row[Any]]:
    """Return incidents by id and by number, locked in one order."""
    found: list[Row[Any]] = []
    for column, wanted in ((_INCIDENT.c.id, ids), (_INCIDENT.c.number, numbers)):
        if wanted:
            query = select(_INCIDENT).where(column.in_(sorted(wanted))).order_by(_INCIDENT.c.id).with_for_update()
            found.extend(session.execute(query))
    return found


def bonds_of(session: Session, incident_ids: Collection[str]) -> Sequence[Row[Any]]:
    """Return the bonds of incidents, locked in one order."""
    if not incident_ids:
        return []
    query = select(_BOND).where(_BOND.c.incident_id.in_(sorted(incident_ids))).order_by(_BOND.c.id).with_for_update()
    return session.execute(query).all()


def incidents_tied(session: Session, connection_id: str, bond_ids: Collection[str]) -> Sequence[Row[Any]]:
    """Return the incidents behind bonds of a connection, locked in one order: before the bonds, as everybody does."""
    tied = select(_BOND.c.incident_id).where(_BOND.c.id.in_(sorted(bond_ids)), _BOND.c.connection_id == connection_id)
    query = select(_INCIDENT).where(_INCIDENT.c.id.in_(tied)).order_by(_INCIDENT.c.id).with_for_update()
    return session.execute(query).all()


def bonds(session: Session, connection_id: str, ids: Collection[str]) -> Sequence[Row[Any]]:
    """Return bonds of a connection by id, locked in one order."""
    query = select(_BOND).where(_BOND.c.id.in_(sorted(ids)), _BOND.c.connection_id == connection_id)
    return session.execute(query.order_by(_BOND.c.id).with_for_update()).all()


def foreign_bonds(session: Session, connection_id: str, ids: Collection[str]) -> set[str]:
    """Return which of ``ids`` are bonds of other connections."""
    query = select(_BOND.c.id).where(_BOND.c.id.in_(sorted(ids)), _BOND.c.connection_id != connection_id)
    return set(session.scalars(query))


def insert_rows(session: Session, table: type[Incident | Bond | IncidentComment], rows: list[dict[str, Any]]) -> None:
    """Insert many rows with one statement."""
    if rows:
        session.execute(insert(cast("Table", table.__table__)), rows)


def update_rows(session: Session, table: type[Incident | Bond], rows: Iterable[dict[str, Any]]) -> None:
    """Update many rows by id; rows that set the same columns go with one statement."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(sorted(row)), []).append(row)
    for names, group in groups.items():
        columns: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names if name != "id"}
        target = cast("Table", table.__table__)
        statement = update(target).where(target.c.id == bindparam("row_id")).values(**columns)
        parameters = [
            {"row_id" if name == "id" else f"new_{name}": value for name, value in row.items()} for row in group
        ]
        session.connection().execute(statement, parameters)


def page(
    session: Session,
    *,
    before: str | None,
    limit: int,
    state: str | None,
    number: str | None,
    connection_id: str | None,
) -> Sequence[Incident]:
    """Return incidents, newest first, below the id ``before``."""
    query = select(Incident).order_by(Incident.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Incident.id < before)
    if state is not None:
        query = query.where(Incident.state == state)
    if number is not None:
        query = query.where(Incident.number == number)
    if connection_id is not None:
        bonded = select(Bond.incident_id).where(Bond.connection_id == connection_id)
        query = query.where(Incident.id.in_(bonded))
    return session.scalars(query).all()


def incident(session: Session, incident_id: str) -> Incident | None:
    """Return one incident."""
    return session.get(Incident, incident_id)


def comments(session: Session, incident_id: str) -> Sequence[IncidentComment]:
    """Return the comments and work notes of an incident, oldest first."""
    query = select(IncidentComment).where(IncidentComment.incident_id == incident_id)
    return session.scalars(query.order_by(IncidentComment.created_at, IncidentComment.id)).all()


def known_comments(session: Session, ids: Collection[str]) -> dict[str, str]:
    """Return which comment ids are known, and the incident each belongs to."""
    query = select(IncidentComment.id, IncidentComment.incident_id).where(IncidentComment.id.in_(sorted(ids)))
    return {row.id: row.incident_id for row in session.execute(query)}


def bond_page(session: Session, *, before: str | None, limit: int, filters: Mapping[str, str | None]) -> Sequence[Bond]:
    """Return bonds, newest first, below the id ``before``."""
    query = select(Bond).order_by(Bond.id.desc()).limit(limit)
    if before is not None:
        query = query.where(Bond.id < before)
    for name, value in filters.items():
        if value is not None:
            query = query.where(_BOND.c[name] == value)
    return session.scalars(query).all()


def bond(session: Session, bond_id: str, *, lock: bool = False) -> Bond | None:
    """Return one bond, its row locked where asked."""
    query = select(Bond).where(Bond.id == bond_id)
    return session.scalars(query.with_for_update() if lock else query).one_or_none()


def fail_bonds(session: Session, connection_id: str, problems: dict[str, dict[str, Any] | None], now: datetime) -> None:
    """Mark bonds whose message the peer did not take."""
    for bond_id, problem in sorted(problems.items()):
        session.execute(
            update(Bond)
            .where(Bond.id == bond_id, Bond.connection_id == connection_id)
            .values(state="Error", problem=problem, updated_at=now)
        )


def disconnect_bonds(session: Session, connection_id: str, now: datetime) -> None:
    """Disconnect every bond of a connection."""
    session.execute(
        update(Bond)
        .where(Bond.connection_id == connection_id, Bond.state != "Disconnected")
        .values(state="Disconnected", updated_at=now)
        .execution_options(synchronize_session=False)
    )
