"""Records as the API shows them."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from provider_service.records import store
from provider_service.records.domain import FIELDS
from provider_service.records.schemas import BondView, CommentView, IncidentView
from provider_service.records.service.changes import get_incident
from provider_service.records.tables import Bond, Incident


def incidents(
    session: Session,
    *,
    before: str | None,
    limit: int,
    state: str | None,
    number: str | None,
    connection_id: str | None,
) -> Sequence[Incident]:
    """Return incidents, newest first."""
    return store.page(session, before=before, limit=limit, state=state, number=number, connection_id=connection_id)


def incident_view(incident: Incident) -> IncidentView:
    """Return what the API shows of an incident."""
    return IncidentView(
        id=incident.id,
        number=incident.number,
        company_id=incident.company_id,
        origin=incident.origin,
        fields={name: getattr(incident, name) for name in FIELDS if getattr(incident, name) is not None},
        created_at=incident.created_at,
        updated_at=incident.updated_at,
        version=incident.version,
    )


def comments(session: Session, incident_id: str) -> list[CommentView]:
    """Return comments and work notes, oldest first; raise `NotFound`."""
    get_incident(session, incident_id)
    return [CommentView.model_validate(row, from_attributes=True) for row in store.comments(session, incident_id)]


def bonds(
    session: Session,
    *,
    before: str | None,
    limit: int,
    connection_id: str | None,
    incident_id: str | None,
    state: str | None,
) -> Sequence[Bond]:
    """Return bonds, newest first."""
    filters = {"connection_id": connection_id, "incident_id": incident_id, "state": state}
    return store.bond_page(session, before=before, limit=limit, filters=filters)


def bond_view(bond: Bond) -> BondView:
    """Return what the API shows of a bond."""
    return BondView.model_validate(bond, from_attributes=True)
