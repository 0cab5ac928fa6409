"""Connections in the operator's API."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from provider_service.audit.deps import Answer, allowed, carry_out_once
from provider_service.audit.domain import Actor
from provider_service.connections import calls, service
from provider_service.connections.deps import ConnectionHooksDep, HandlersDep
from provider_service.connections.schemas import (
    ConnectionDetail,
    ConnectionView,
    HistoryDecision,
    MessageView,
    Reason,
    Suspension,
)
from provider_service.context import ContextDep
from shared.transport.bodies import body_of
from shared.transport.conventions import (
    Page,
    PageCursor,
    PageLimit,
    cut_page,
    decode_cursor,
    etag_of,
    known_parameters,
    link_header,
)
from shared.transport.idempotency import IdempotencyKey
from shared.transport.openapi import signed_body
from shared.wire.states import ConnectionState, Role

router = APIRouter(prefix="/api/v1/connections", tags=["connections"], dependencies=[Depends(known_parameters)])

Reader = Annotated[Actor, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, Role.SN_SB_READ, scope="connections:read"))]
Writer = Annotated[Actor, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, scope="connections:write"))]
ReasonBody = Annotated[Reason, Depends(body_of(Reason))]

_SUSPENSION = signed_body(Suspension, example={"reason": "The peer lost its identity key", "identity_lost": True})
_HISTORY = signed_body(HistoryDecision, example={"decision": "keep"})
_REASON = signed_body(Reason, example={"reason": "Maintenance until noon"})


@router.get("")
async def list_connections(
    *,
    request: Request,
    response: Response,
    context: ContextDep,
    actor: Reader,
    state: Annotated[list[ConnectionState] | None, Query(max_length=5)] = None,
    company_id: Annotated[str | None, Query(max_length=36)] = None,
    limit: PageLimit = 50,
    cursor: PageCursor = None,
) -> Page[ConnectionView]:
    """Return connections and how they do, the newest first."""
    rows = await context.database.read(
        service.list_connections,
        states=state or (),
        company_id=company_id,
        before=_before(cursor),
        limit=limit + 1,
        now=context.clock(),
    )
    shown, following = cut_page(rows, limit=limit, sort="newest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=list(shown), next_cursor=following)


@router.get("/{connection_id}")
async def get_connection(
    connection_id: str, context: ContextDep, actor: Reader, response: Response
) -> ConnectionDetail:
    """Return one connection: its peer, its settings, its figures, its last 24 hours."""
    found = await context.database.read(service.detail, connection_id=connection_id, now=context.clock())
    response.headers["etag"] = etag_of(found.version)
    return found


@router.get("/{connection_id}/messages")
async def list_messages(
    *,
    request: Request,
    response: Response,
    connection_id: str,
    context: ContextDep,
    actor: Reader,
    direction: Literal["out", "in"] = "out",
    status: Annotated[str | None, Query(max_length=16)] = None,
    limit: PageLimit = 50,
    cursor: PageCursor = None,
) -> Page[MessageView]:
    """Return the log of messages in one direction, the newest first; contents stay out of it."""
    rows = await context.database.read(
        service.messages,
        connection_id=connection_id,
        direction=direction,
        status=status,
        before=_before(cursor),
        limit=limit + 1,
    )
    shown, following = cut_page(rows, limit=limit, sort="newest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=list(shown), next_cursor=following)


@router.post("/{connection_id}/pause", response_model=ConnectionDetail, openapi_extra=_REASON)
async def pause_connection(
    *, request: Request, connection_id: str, context: ContextDep, actor: Writer, key: IdempotencyKey, body: ReasonBody
) -> Response:
    """Keep messages from crossing; queues keep."""

    def work(session: Session, now: datetime) -> None:
        service.pause(session, connection_id=connection_id, reason=body.reason, actor=actor, now=now)

    return await carry_out_once(request, context, owner=actor.id, key=key, work=_then_shown(connection_id, work))


@router.post("/{connection_id}/resume", response_model=ConnectionDetail, openapi_extra=_REASON)
async def resume_connection(
    *, request: Request, connection_id: str, context: ContextDep, actor: Writer, key: IdempotencyKey, body: ReasonBody
) -> Response:
    """Let messages cross again."""

    def work(session: Session, now: datetime) -> None:
        service.resume(session, connection_id=connection_id, reason=body.reason, actor=actor, now=now)

    return await carry_out_once(request, context, owner=actor.id, key=key, work=_then_shown(connection_id, work))


@router.post("/{connection_id}/suspend", response_model=ConnectionDetail, openapi_extra=_SUSPENSION)
async def suspend_connection(
    *,
    request: Request,
    connection_id: str,
    context: ContextDep,
    actor: Writer,
    key: IdempotencyKey,
    body: Annotated[Suspension, Depends(body_of(Suspension))],
) -> Response:
    """Let nothing cross until the connection is re-keyed: an identity is in doubt. Queues keep."""

    def work(session: Session, now: datetime) -> None:
        service.suspend(
            session,
            connection_id=connection_id,
            reason=body.reason,
            identity_lost=body.identity_lost,
            actor=actor,
            now=now,
        )

    return await carry_out_once(request, context, owner=actor.id, key=key, work=_then_shown(connection_id, work))


@router.post("/{connection_id}/disconnect", response_model=ConnectionDetail, openapi_extra=_REASON)
async def disconnect_connection(
    *,
    request: Request,
    connection_id: str,
    context: ContextDep,
    hooks: ConnectionHooksDep,
    actor: Writer,
    key: IdempotencyKey,
    body: ReasonBody,
) -> Response:
    """End the connection for good; the peer is told, nothing is deleted."""

    def work(session: Session, now: datetime) -> None:
        service.close(session, connection_id=connection_id, reason=body.reason, actor=actor, now=now, hooks=hooks)

    return await carry_out_once(request, context, owner=actor.id, key=key, work=_then_shown(connection_id, work))


@router.post("/{connection_id}/history", response_model=ConnectionDetail, openapi_extra=_HISTORY)
async def decide_history(
    *,
    request: Request,
    connection_id: str,
    context: ContextDep,
    actor: Writer,
    key: IdempotencyKey,
    body: Annotated[HistoryDecision, Depends(body_of(HistoryDecision))],
) -> Response:
    """Say which of two histories of the peer goes on, where its address could not be asked."""

    def work(session: Session, now: datetime) -> None:
        service.decide(session, connection_id=connection_id, decision=body.decision, actor=actor, now=now)

    return await carry_out_once(request, context, owner=actor.id, key=key, work=_then_shown(connection_id, work))


@router.post("/{connection_id}/heartbeat")
async def send_heartbeat(
    connection_id: str, context: ContextDep, hooks: ConnectionHooksDep, actor: Writer
) -> ConnectionDetail:
    """Send a heartbeat now and say how the connection does after it."""
    beat = await context.database.write(service.beat_now, connection_id=connection_id, now=context.clock())
    await calls.send_beat(context, beat, hooks)
    return await context.database.read(service.detail, connection_id=connection_id, now=context.clock())


@router.post("/{connection_id}/messages/{message_id}/replay", response_model=ConnectionDetail)
async def replay_message(
    *,
    request: Request,
    connection_id: str,
    message_id: str,
    context: ContextDep,
    handlers: HandlersDep,
    actor: Writer,
    key: IdempotencyKey,
) -> Response:
    """Try a quarantined message again, and what waits behind it."""

    def work(session: Session, now: datetime) -> None:
        service.replay(
            session, connection_id=connection_id, message_id=message_id, handlers=handlers, actor=actor, now=now
        )

    return await carry_out_once(request, context, owner=actor.id, key=key, work=_then_shown(connection_id, work))


@router.post("/{connection_id}/messages/{message_id}/skip", response_model=ConnectionDetail, openapi_extra=_REASON)
async def skip_message(
    *,
    request: Request,
    connection_id: str,
    message_id: str,
    context: ContextDep,
    handlers: HandlersDep,
    actor: Writer,
    key: IdempotencyKey,
    body: ReasonBody,
) -> Response:
    """Reject a quarantined message, or withdraw one of ours that waits, with a reason the peer is told.

    Its sequence is used up and its lane goes on.
    """

    def work(session: Session, now: datetime) -> None:
        service.skip(
            session,
            connection_id=connection_id,
            message_id=message_id,
            reason=body.reason,
            handlers=handlers,
            actor=actor,
            now=now,
        )

    return await carry_out_once(request, context, owner=actor.id, key=key, work=_then_shown(connection_id, work))


def _then_shown(connection_id: str, work: Callable[[Session, datetime], None]) -> Callable[[Session, datetime], Answer]:
    def both(session: Session, now: datetime) -> Answer:
        work(session, now)
        return Answer(service.detail(session, connection_id=connection_id, now=now), status=200)

    return both


def _before(cursor: str | None) -> str | None:
    return None if cursor is None else str(decode_cursor("newest", cursor)[0])
