"""What people and integrators do with records here, singly and in bulk; every change travels over every bond."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from consumer_service.audit import service as audit
from consumer_service.audit.domain import Actor
from consumer_service.connections import service as connections
from consumer_service.records import store
from consumer_service.records.domain import BondState, IncidentWork
from consumer_service.records.schemas import Operation, OperationResult
from consumer_service.records.service import moving
from consumer_service.records.service.work import Work
from consumer_service.records.tables import Bond, Incident
from shared.wire.errors import Conflict, ExchangeError, NotFound, PreconditionFailed
from shared.wire.identifiers import new_id
from shared.wire.problems import Problem
from shared.wire.states import ConnectionState

SHAREABLE = (ConnectionState.ACTIVE, ConnectionState.PAUSED)


def create(
    session: Session,
    *,
    fields: Mapping[str, Any],
    connection_id: str | None,
    actor: Actor,
    now: datetime,
) -> str:
    """Create an incident, shared at once over a connection where one is given; return its id."""
    work = Work(session, actor=actor, now=now)
    if connection_id:
        _shareable(session, connection_id)
    incident = work.create(fields, number=work.numbers(1)[0])
    if connection_id:
        _share(work, incident, connection_id)
    work.store()
    return incident.id


def update(
    session: Session,
    *,
    incident_id: str,
    fields: Mapping[str, Any],
    expected_version: int | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Change an incident; raise `PreconditionFailed` where it has changed since ``expected_version``."""
    work = Work(session, actor=actor, now=now)
    work.load(ids=[incident_id], with_bonds=True)
    incident = _found(work, incident_id)
    if expected_version is not None and incident.version != expected_version:
        raise PreconditionFailed("The incident has changed in the meantime", fix="Read it again and repeat the change.")
    _update(work, incident, fields)
    work.store()


def add_comment(session: Session, *, incident_id: str, kind: str, text: str, actor: Actor, now: datetime) -> str:
    """Add a comment, which travels, or a work note, which does not; return its id."""
    work = Work(session, actor=actor, now=now)
    work.load(ids=[incident_id], with_bonds=True)
    made = work.comment(_found(work, incident_id), kind=kind, author=actor.name[:120], text=text)
    work.store()
    return made


def share(session: Session, *, incident_id: str, connection_id: str, actor: Actor, now: datetime) -> str:
    """Share an incident over a connection; sharing it twice is one effect. Returns the bond's id."""
    _shareable(session, connection_id)
    work = Work(session, actor=actor, now=now)
    work.load(ids=[incident_id], with_bonds=True)
    incident = _found(work, incident_id)
    standing = next((bond for bond in incident.bonds if bond.connection_id == connection_id), None)
    bond = standing or _share(work, incident, connection_id)
    work.store()
    return bond.id


def operate(
    session: Session, operations: Sequence[Operation], *, connection_id: str | None, actor: Actor, now: datetime
) -> list[OperationResult]:
    """Carry out many operations in one transaction, in their order; one that is refused leaves the others alone."""
    if connection_id:
        _shareable(session, connection_id)
    work = Work(session, actor=actor, now=now)
    work.load(
        ids={operation.id for operation in operations if operation.id},
        numbers={operation.number for operation in operations if operation.number},
        with_bonds=True,
    )
    numbers = iter(work.numbers(sum(operation.op == "create" for operation in operations)))
    named = {incident.number: incident for incident in work.incidents.values()}
    refs: dict[str, IncidentWork] = {}
    results = []
    for operation in operations:
        try:
            if operation.op == "create":
                incident = work.create(operation.values(), number=next(numbers))
                if connection_id:
                    _share(work, incident, connection_id)
            else:
                incident = _meant(operation, work, named, refs)
                _carry_out(work, incident, operation, actor)
            if operation.ref:
                refs[operation.ref] = incident
            results.append(OperationResult(ref=operation.ref, id=incident.id, number=incident.number, status=200))
        except ExchangeError as error:
            problem = Problem.from_error(error, 404).to_wire()
            results.append(
                OperationResult(
                    ref=operation.ref, id=operation.id, number=operation.number, status=404, problem=problem
                )
            )
    work.store()
    return results


def disconnect(session: Session, *, bond_id: str, actor: Actor, now: datetime) -> Bond:
    """Stop sending changes over a bond; they are noted for the reconnection. The peer's are still taken."""
    bond = get_bond(session, bond_id, lock=True)
    if bond.state != BondState.DISCONNECTED:
        bond.state = BondState.DISCONNECTED
        _noted(session, bond, "bond.disconnected", actor, now)
    return bond


def reconnect(session: Session, *, bond_id: str, actor: Actor, now: datetime) -> Bond:
    """Send changes again, beginning with those made meanwhile; after a refusal, with everything ever changed here.

    Comments written here since the record was shared are sent again too: the peer knows those it has by their ids.
    A bond of a connection that was closed goes on over the one that took its place with the same peer. Raises
    `Conflict` (``connection_not_active``, ``shared_anew``) where there is none.
    """
    bond = get_bond(session, bond_id)
    connection_id = connections.successor(session, bond.connection_id)
    _shareable(session, connection_id)
    work = Work(session, actor=actor, now=now)
    work.load(ids=[bond.incident_id], with_bonds=True)
    mine = work.bonds[bond_id]
    if mine.state == BondState.CONNECTED:
        return bond
    moved = connection_id != mine.connection_id
    if moved:
        moving.move(work, mine, connection_id)
    refused = mine.state == BondState.ERROR or bond.problem is not None
    missed = sorted({*mine.pending, *(mine.changed if refused else ())})
    mine.state, mine.pending, mine.touched = BondState.CONNECTED, [], True
    incident = work.incidents[mine.incident_id]
    if missed or moved:
        work.send(
            incident, mine, "create" if moved else "update", {name: incident.values[name] for name in missed}, new_id()
        )
    moving.send_comments(work, mine, since=bond.created_at)
    work.store()
    session.refresh(bond)
    bond.problem = None
    _noted(session, bond, "bond.reconnected", actor, now)
    return bond


def get_incident(session: Session, incident_id: str) -> Incident:
    """Return one incident; raise `NotFound`."""
    found = store.incident(session, incident_id)
    if found is None:
        raise NotFound("There is no such incident")
    return found


def get_bond(session: Session, bond_id: str, *, lock: bool = False) -> Bond:
    """Return one bond; raise `NotFound`."""
    found = store.bond(session, bond_id, lock=lock)
    if found is None:
        raise NotFound("There is no such bond")
    return found


def _shareable(session: Session, connection_id: str) -> None:
    connection = connections.get(session, connection_id)
    if connection.state not in SHAREABLE:
        raise Conflict(
            f"The connection is {connection.state}",
            code="connection_not_active",
            fix="Share records over an active connection.",
        )


def _share(work: Work, incident: IncidentWork, connection_id: str) -> Any:
    bond = work.bond(incident, connection_id)
    fields = {name: value for name, value in incident.values.items() if value is not None}
    work.send(incident, bond, "create", fields, new_id())
    return bond


def _update(work: Work, incident: IncidentWork, fields: Mapping[str, Any]) -> None:
    changed = work.change(incident, fields)
    if changed:
        change_id = new_id()
        for bond in incident.bonds:
            work.send(incident, bond, "update", changed, change_id)


def _carry_out(work: Work, incident: IncidentWork, operation: Operation, actor: Actor) -> None:
    if operation.op == "update":
        _update(work, incident, operation.values())
    else:
        work.comment(incident, kind="comment", author=actor.name[:120], text=operation.text or "")


def _meant(
    operation: Operation, work: Work, named: Mapping[str, IncidentWork], refs: Mapping[str, IncidentWork]
) -> IncidentWork:
    found = work.incidents.get(operation.id or "") or named.get(operation.number or "") or refs.get(operation.ref or "")
    if found is None:
        raise NotFound("There is no such incident", fix="Name it by id, by number, or by the ref of an earlier create.")
    return found


def _found(work: Work, incident_id: str) -> IncidentWork:
    incident = work.incidents.get(incident_id)
    if incident is None:
        raise NotFound("There is no such incident")
    return incident


def _noted(session: Session, bond: Bond, action: str, actor: Actor, now: datetime) -> None:
    bond.updated_at = now
    session.flush()
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_type="bond",
        subject_id=bond.id,
        now=now,
        after={"state": bond.state},
    )
