"""The calls by which a consumer submits requests for its own people (docs/protocol.md, section 11)."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from sqlalchemy.orm import Session

from provider_service.connections import service as connections
from provider_service.connections.deps import VerifiedPeer, VerifiedPeerDep, answered_once
from provider_service.context import ContextDep
from provider_service.self_service import service
from provider_service.self_service.domain import Draft, RequestRecord, Submission
from shared.transport.conventions import known_parameters
from shared.transport.inbound import parsed
from shared.transport.openapi import signed_body
from shared.wire.messages import Id
from shared.wire.self_service import (
    RELAY_PATH,
    RELAYED_A_PAGE,
    RelayedRequest,
    RelayedStatus,
    RelayedStatuses,
    SubmitterKind,
)

router = APIRouter(prefix=RELAY_PATH, tags=["exchange"], dependencies=[Depends(known_parameters)])

_NEW = signed_body(
    RelayedRequest,
    example={
        "user": {"id": "0192f0c4-0000-7000-8000-000000000002", "name": "Ada Lovelace", "email": "ada@example.com"},
        "asked_by": "Ann Admin",
        "attributes": {"EmailAddress": "ada@example.com", "FirstName": "Ada", "LastName": "Lovelace"},
    },
)


@router.post("", response_model=RelayedStatus, openapi_extra=_NEW)
async def relay_request(peer: VerifiedPeerDep, context: ContextDep) -> Response:
    """Take a request that the peer submits for one of its people; what it says of them is kept as its word."""
    asked = parsed(RelayedRequest, peer.request.body)
    by = Submission(
        SubmitterKind.RELAYED,
        name=peer.connection.peer_issuer,
        connection_id=peer.connection.id,
        company_id=peer.connection.company_id,
        subject=asked.user.id,
        subject_name=asked.user.name,
        subject_email=asked.user.email,
        asked_by=asked.asked_by,
    )

    def work(session: Session, now: datetime) -> RelayedStatus:
        connections.get(session, peer.connection.id, lock=True)
        return _status(service.relay(session, Draft(asked.attributes, asked.language), by, now=now))

    return await answered_once(context, peer, work)


@router.get("")
async def list_relayed_requests(
    peer: VerifiedPeerDep,
    context: ContextDep,
    before: Annotated[Id | None, Query(description="Id of the last one already known.")] = None,
) -> RelayedStatuses:
    """Return the requests that came over this connection, the youngest first."""

    def work(session: Session) -> list[RequestRecord]:
        peer.remember(session)
        return service.relayed(session, peer.connection.id, before=before, limit=RELAYED_A_PAGE + 1)

    found = await context.database.write(work)
    shown = found[:RELAYED_A_PAGE]
    return RelayedStatuses(
        requests=[_status(one) for one in shown], following=shown[-1].id if len(found) > len(shown) else None
    )


@router.get("/{request_id}")
async def get_relayed_request(
    request_id: Annotated[str, Path(max_length=64)], peer: VerifiedPeerDep, context: ContextDep
) -> RelayedStatus:
    """Return a request that came over this connection."""
    return _status(await context.database.write(_one, peer, request_id))


def _one(session: Session, peer: VerifiedPeer, request_id: str) -> RequestRecord:
    peer.remember(session)
    return service.relayed_one(session, peer.connection.id, request_id)


def _status(record: RequestRecord) -> RelayedStatus:
    return RelayedStatus(
        id=record.id,
        state=record.state,
        user_id=record.origin.subject if record.origin else "",
        email=record.email,
        submitted=_time(record.created_at),
        updated=_time(record.updated_at),
    )


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
