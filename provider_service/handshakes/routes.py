"""The handshake in the operator's API: where it stands, cancel, put back to its start."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from provider_service.audit.deps import Answer, allowed, carry_out_once
from provider_service.audit.domain import Actor
from provider_service.context import ContextDep
from provider_service.handshakes import service
from provider_service.handshakes.deps import Number
from provider_service.registrations.schemas import Reason
from shared.transport.bodies import body_of
from shared.transport.conventions import known_parameters
from shared.transport.idempotency import IdempotencyKey
from shared.transport.openapi import signed_body
from shared.wire.registration import RegistrationStatus
from shared.wire.states import Role

router = APIRouter(prefix="/api/v1/registrations", tags=["registrations"], dependencies=[Depends(known_parameters)])

Reader = Annotated[Actor, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, Role.SN_SB_READ, scope="registrations:read"))]
Writer = Annotated[Actor, Depends(allowed(Role.ADMIN, scope="registrations:write"))]
ReasonBody = Annotated[Reason, Depends(body_of(Reason))]


@router.get("/{number}/status")
async def get_registration_status(number: Number, context: ContextDep, actor: Reader) -> RegistrationStatus:
    """Return state and steps, named alike on both sides."""
    return await context.database.read(service.status, number)


@router.post("/{number}/cancellation", response_model=RegistrationStatus, openapi_extra=signed_body(Reason))
async def cancel_registration(
    number: Number, request: Request, context: ContextDep, actor: Writer, key: IdempotencyKey, body: ReasonBody
) -> Response:
    """Close the task incomplete; the consumer is told."""

    def work(session: Session, now: datetime) -> Answer:
        service.cancel(session, number=number, reason=body.reason, actor=actor, now=now)
        return Answer(service.status(session, number), status=200)

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)


@router.post("/{number}/reset", response_model=RegistrationStatus, openapi_extra=signed_body(Reason))
async def reset_handshake(
    number: Number, request: Request, context: ContextDep, actor: Writer, key: IdempotencyKey, body: ReasonBody
) -> Response:
    """Put the handshake back to its start; the link works again until it expires."""

    def work(session: Session, now: datetime) -> Answer:
        service.reset(session, number=number, actor=actor, why=body.reason or "by the operator", now=now)
        return Answer(service.status(session, number), status=200)

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)
