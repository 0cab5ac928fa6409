"""Keys in the operator's API."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy.orm import Session

from consumer_service.audit.deps import Answer, carry_out_once
from consumer_service.context import ContextDep
from consumer_service.directory import service as directory
from consumer_service.keys import calls, service
from consumer_service.keys.deps import DiagnosticianDep, KeyHooksDep, ManagerDep, ReaderDep
from consumer_service.keys.domain import READERS, verdict
from consumer_service.keys.schemas import (
    ActivationRequest,
    CompromisedView,
    HealthNodeView,
    KeyHealthView,
    KeyRing,
    KeyView,
    ReasonRequest,
    RewrappedView,
    RotationRequest,
)
from consumer_service.keys.service import KeyHooks
from shared.transport.bodies import body_of
from shared.transport.conventions import known_parameters
from shared.transport.idempotency import IdempotencyKey
from shared.transport.openapi import signed_body
from shared.wire.states import Role

router = APIRouter(prefix="/api/v1/keys", tags=["keys"], dependencies=[Depends(known_parameters)])

_REASON = signed_body(ReasonRequest, example={"reason": "A backup of the old server was stolen."})
NAMED: Final = 10
"""People named to somebody who lacks a role, at most."""

ReasonDep = Annotated[ReasonRequest, Depends(body_of(ReasonRequest))]


@router.get("")
async def list_keys(_actor: ReaderDep, context: ContextDep, hooks: KeyHooksDep) -> KeyRing:
    """Return every key there ever was, oldest first; needs a key role."""
    return await context.database.read(_ring, hooks)


@router.get("/health")
async def get_key_health(full: DiagnosticianDep, context: ContextDep) -> KeyHealthView:
    """Return how key management does: the verdict for everybody, the diagnosis for holders of a key role."""

    def look(session: Session) -> KeyHealthView:
        tree = service.health(session, context.masters, now=context.clock())
        return KeyHealthView(
            verdict=verdict(tree),
            tree=HealthNodeView.model_validate(tree) if full else None,
            roles_needed=[] if full else list(READERS),
            assigned_by=[] if full else _who_assigns(session),
        )

    return await context.database.read(look)


@router.get("/{kid}")
async def get_key(kid: str, _actor: ReaderDep, context: ContextDep, hooks: KeyHooksDep) -> KeyView:
    """Return one key; needs a key role."""
    return await context.database.read(_one, kid, hooks)


@router.post(
    "/rotations",
    status_code=201,
    response_model=KeyView,
    openapi_extra=signed_body(RotationRequest, example={"purpose": "http"}),
)
async def rotate_key(
    *,
    request: Request,
    actor: ManagerDep,
    context: ContextDep,
    hooks: KeyHooksDep,
    key: IdempotencyKey,
    body: Annotated[RotationRequest, Depends(body_of(RotationRequest))],
) -> Response:
    """Publish the next key of a purpose; it signs as soon as every connection's peer has acknowledged it."""

    def work(session: Session, now: datetime) -> Answer:
        made = service.rotate(session, context.masters, body.purpose, actor=actor, hooks=hooks, now=now)
        return Answer(_one(session, made.kid, hooks))

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)


@router.post("/{kid}/activate", response_model=KeyView, openapi_extra=signed_body(ActivationRequest))
async def activate_key(
    *,
    kid: str,
    request: Request,
    actor: ManagerDep,
    context: ContextDep,
    hooks: KeyHooksDep,
    key: IdempotencyKey,
    body: Annotated[ActivationRequest, Depends(body_of(ActivationRequest))],
) -> Response:
    """Let a published key sign now; refused while peers do not know it, unless one insists."""

    def work(session: Session, now: datetime) -> Answer:
        service.activate(session, context.masters, kid, insist=body.insist, actor=actor, hooks=hooks, now=now)
        return Answer(_one(session, kid, hooks), 200)

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)


@router.post("/{kid}/compromise", response_model=CompromisedView, openapi_extra=_REASON)
async def compromise_key(
    *,
    kid: str,
    request: Request,
    actor: ManagerDep,
    context: ContextDep,
    hooks: KeyHooksDep,
    key: IdempotencyKey,
    body: ReasonDep,
) -> Response:
    """Give up a key somebody else may have: it is worthless at once. A lost identity suspends every connection."""

    def work(session: Session, now: datetime) -> Answer:
        result = service.compromise(
            session, context.masters, kid, reason=body.reason, actor=actor, hooks=hooks, now=now
        )
        return Answer(CompromisedView.of(result), 200)

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)


@router.post("/rekey", response_model=KeyView, openapi_extra=_REASON)
async def rekey_identity(
    *,
    request: Request,
    actor: ManagerDep,
    context: ContextDep,
    hooks: KeyHooksDep,
    key: IdempotencyKey,
    body: ReasonDep,
) -> Response:
    """Replace the identity; every connection is suspended until it is re-keyed by a new invitation."""

    def work(session: Session, now: datetime) -> Answer:
        made = service.rekey(session, context.masters, reason=body.reason, actor=actor, hooks=hooks, now=now)
        return Answer(KeyView.of(made), 200)

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)


@router.post("/rewrap", response_model=RewrappedView)
async def rewrap_keys(
    request: Request, actor: ManagerDep, context: ContextDep, hooks: KeyHooksDep, key: IdempotencyKey
) -> Response:
    """Seal everything under the present master keys, so that earlier ones can be dropped; by batches."""
    done = await calls.rewrap(context.database, context.masters, hooks.sealed, actor=actor, clock=context.clock)
    view = RewrappedView(rewrapped=done.total, tables=dict(done.moved), left=dict(done.left))

    def work(_session: Session, _now: datetime) -> Answer:
        return Answer(view, 200)

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)


def _who_assigns(session: Session) -> list[str]:
    holders = directory.list_users(session, active=True, role=Role.SN_KMF_ADMIN, limit=NAMED)
    return [person.name for person in holders]


def _ring(session: Session, hooks: KeyHooks) -> KeyRing:
    waiting = service.waiting(session, hooks=hooks)
    items = [KeyView.of(found, waiting.get(found.kid)) for found in service.list_keys(session)]
    return KeyRing(sequence=service.sequence(session), items=items)


def _one(session: Session, kid: str, hooks: KeyHooks) -> KeyView:
    return KeyView.of(service.get_key(session, kid), service.waiting(session, hooks=hooks).get(kid))
