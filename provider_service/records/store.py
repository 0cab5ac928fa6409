"""Queries of records: few statements for many rows."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row, Table, case, select, text, update
from sqlalchemy.orm import Session

from provider_service.records.tables import AppliedBond, Bond, Incident, IncidentComment
from shared.delivery import statements
from shared.delivery.statements import Spelled, among
from shared.runtime.columns import native
from shared.wire.incident import IncidentFields

_INCIDENT = cast("Table", Incident.__table__)
_BOND = cast("Table", Bond.__table__)
_WORKED_ON = tuple(_INCIDENT.c[name] for name in ("id", "number", "version", "origin", *IncidentFields.model_fields))

_TAKEN = Spelled(
    text(
        "INSERT INTO incident_numbers (id, last) VALUES (1, :count) "
        "ON CONFLICT (id) DO UPDATE SET last = incident_numbers.last + excluded.last RETURNING last"
    )
)
_INCIDENTS = select(*_WORKED_ON).order_by(_INCIDENT.c.id).with_for_update()
_BY_ID = Spelled(_INCIDENTS.where(among(_INCIDENT.c.id, "wanted")))
_BY_NUMBER = Spelled(_INCIDENTS.where(among(_INCIDENT.c.number, "wanted")))
_TIED = Spelled(select(_BOND.c.id, _BOND.c.connection_id, _BOND.c.incident_id).where(among(_BOND.c.id, "wanted")))
_BONDS = Spelled(select(_BOND).where(among(_BOND.c.id, "wanted")).order_by(_BOND.c.id).with_for_update())
_OF_INCIDENTS = Spelled(
    select(_BOND).where(among(_BOND.c.incident_id, "wanted")).order_by(_BOND.c.id).with_for_update()
)


def take_numbers(session: Session, count: int) -> int:
    """Take ``count`` numbers in a row; return the first. The first taker makes the row, however many come at once."""
    return int(_TAKEN.run(session, count=count).scalar_one()) - count + 1


def incidents(session: Session, *, ids: Collection[str] = (), numbers: Collection[str] = ()) -> Sequence[Row[Any]]:
    """Return incidents by id and by number, locked in one order: id, number, version, origin and the fields."""
    found: list[Row[Any]] = []
    for statement, wanted in ((_BY_ID, ids), (_BY_NUMBER, numbers)):
        if wanted:
            found.extend(statement.run(session, wanted=sorted(wanted)))
    return found


def bonds_of(session: Session, incident_ids: Collection[str]) -> Sequence[Row[Any]]:
    """Return the bonds of incidents, locked in one order, as the database keeps them."""
    return _OF_INCIDENTS.run(session, wanted=sorted(incident_ids)).all() if incident_ids else []


def tied(session: Session, bond_ids: Collection[str]) -> Sequence[Row[Any]]:
    """Return id, connection and incident of those of ``bond_ids`` that are bonds, of whichever connection."""
    return _TIED.run(session, wanted=sorted(bond_ids)).all()


def bonds(session: Session, ids: Collection[str]) -> Sequence[Row[Any]]:
    """Return bonds by id, locked in one order, as the database keeps them."""
    return _BONDS.run(session, wanted=sorted(ids)).all()


def bonds_elsewhere(
    session: Session, connection_id: str, ids: Collection[str]
) -> Sequence[Row[str, str, str, datetime]]:
    """Return id, connection, incident and beginning of those of ``ids`` whose record has no bond on this connection."""
    here = select(_BOND.c.incident_id).where(_BOND.c.connection_id == connection_id)
    query = select(_BOND.c.id, _BOND.c.connection_id, _BOND.c.incident_id, _BOND.c.created_at).where(
        _BOND.c.id.in_(sorted(ids)), _BOND.c.connection_id != connection_id, _BOND.c.incident_id.not_in(here)
    )
    return session.execute(query.order_by(_BOND.c.id)).all()


def move_bonds(session: Session, ids: Collection[str], connection_id: str) -> None:
    """Let bonds belong to another connection; their incidents are locked first, as everybody does."""
    tied = select(_BOND.c.incident_id).where(_BOND.c.id.in_(sorted(ids)))
    query = select(_INCIDENT.c.id).where(_INCIDENT.c.id.in_(tied)).order_by(_INCIDENT.c.id).with_for_update()
    session.execute(query).all()
    session.execute(
        update(Bond)
        .where(Bond.id.in_(sorted(ids)))
        .values(connection_id=connection_id, problem=None)
        .execution_options(synchronize_session=False)
    )


def insert_rows(session: Session, table: type[Incident | Bond | IncidentComment], rows: list[dict[str, Any]]) -> None:
    """Insert many rows that set the same columns."""
    target = cast("Table", table.__table__)
    statements.insert_many(session, target, native(session, target, rows))


def update_rows(session: Session, table: type[Incident | Bond], rows: list[dict[str, Any]]) -> None:
    """Update many rows by id; all of them set the same columns."""
    target = cast("Table", table.__table__)
    statements.update_many(session, target, ("id",), native(session, target, rows))


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
    """Mark bonds whose message the peer did not take; one that is disconnected by then sends nothing and stays so."""
    state = case((Bond.state == "Disconnected", Bond.state), else_="Error")
    for bond_id, problem in sorted(problems.items()):
        session.execute(
            update(Bond)
            .where(Bond.id == bond_id, Bond.connection_id == connection_id)
            .values(state=state, problem=problem, updated_at=now)
        )


def note_applied(session: Session, connection_id: str, bond_ids: Collection[str], now: datetime) -> None:
    """Keep when the peer applied the first message of bonds; one that is known stays as it is."""
    target = cast("Table", AppliedBond.__table__)
    rows = [{"connection_id": connection_id, "bond_id": bond_id, "applied_at": now} for bond_id in sorted(bond_ids)]
    statements.insert_missing(session, target, native(session, target, rows))


def disconnect_bonds(session: Session, connection_id: str, now: datetime) -> None:
    """Disconnect every bond of a connection."""
    session.execute(
        update(Bond)
        .where(Bond.connection_id == connection_id, Bond.state != "Disconnected")
        .values(state="Disconnected", updated_at=now)
        .execution_options(synchronize_session=False)
    )
