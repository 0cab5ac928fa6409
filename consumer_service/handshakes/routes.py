"""Provider connections in the operator's and integrator's API: take up an invitation, connect, confirm, cancel."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from consumer_service.audit.deps import Answer, allowed, carry_out_once
from consumer_service.audit.domain import Actor
from consumer_service.context import ContextDep
from consumer_service.directory import deps as directory
from consumer_service.directory.domain import Caller
from consumer_service.handshakes import calls, service
from consumer_service.provider_connections import service as provider_connections
from consumer_service.provider_connections.schemas import (
    Confirmation,
    ConnectAnswer,
    ProviderConnectionCreate,
    ProviderConnectionView,
    Reason,
)
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
from shared.wire.errors import Conflict
from shared.wire.states import ProviderConnectionState, Role

router = APIRouter(
    prefix="/api/v1/provider-connections", tags=["provider-connections"], dependencies=[Depends(known_parameters)]
)

_SCOPE = "provider-connections"
Reader = Annotated[Actor, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, Role.SN_SB_READ, scope=f"{_SCOPE}:read"))]
Writer = Annotated[Actor, Depends(allowed(Role.ADMIN, scope=f"{_SCOPE}:write"))]

Person = Annotated[Caller, Depends(directory.allowed(Role.ADMIN, scope=f"{_SCOPE}:write"))]
"""Whose browser has to come back from the provider: the one who signs in, or for whom the token acts."""


@router.get("")
async def list_provider_connections(
    request: Request,
    response: Response,
    context: ContextDep,
    actor: Reader,
    cursor: PageCursor = None,
    limit: PageLimit = 50,
    state: Annotated[ProviderConnectionState | None, Query()] = None,
) -> Page[ProviderConnectionView]:
    """Return provider connections, the newest first."""
    before = str(decode_cursor("newest", cursor)[0]) if cursor else None

    def work(session: Session) -> tuple[list[ProviderConnectionView], str | None]:
        rows = provider_connections.page(session, before=before, limit=limit + 1, state=state)
        shown, following = cut_page(rows, limit=limit, sort="newest", key=lambda row: [row.id])
        return [service.view(session, row) for row in shown], following

    items, following = await context.database.read(work)
    response.headers.update(link_header(request, following))
    return Page(items=items, next_cursor=following)


@router.post("", status_code=201, response_model=ProviderConnectionView, openapi_extra=signed_body(ProviderConnectionCreate))  # fmt: skip  # noqa: E501
async def create_provider_connection(
    request: Request,
    context: ContextDep,
    actor: Writer,
    key: IdempotencyKey,
    body: Annotated[ProviderConnectionCreate, Depends(body_of(ProviderConnectionCreate))],
) -> Response:
    """Take up an invitation, having confirmed whose it is; the pre-onboarding scan follows in the background."""

    def act(session: Session, now: datetime) -> str:
        return provider_connections.take_up(
            session,
            masters=context.masters,
            link=body.link,
            confirmed=body.provider,
            delivery=body.delivery,
            actor=actor,
            loopback=context.settings.environment == "development",
            now=now,
        ).id

    return await _once(request, context, actor, key, act, status=201)


@router.get("/{connection_id}")
async def get_provider_connection(
    connection_id: str, context: ContextDep, actor: Reader, response: Response
) -> ProviderConnectionView:
    """Return one provider connection with its steps."""
    view = await context.database.read(_view, connection_id)
    response.headers["etag"] = etag_of(view.version)
    return view


@router.post("/{connection_id}/validation", status_code=202, response_model=ProviderConnectionView)
async def validate_provider_connection(
    connection_id: str, request: Request, context: ContextDep, actor: Writer, key: IdempotencyKey
) -> Response:
    """Ask for the pre-onboarding scan now."""

    def act(session: Session, now: datetime) -> str:
        return provider_connections.validate(session, connection_id=connection_id, actor=actor, now=now).id

    return await _once(request, context, actor, key, act, status=202)


@router.post("/{connection_id}/connect")
async def connect_to_provider(connection_id: str, context: ContextDep, caller: Person) -> ConnectAnswer:
    """Connect to Provider: announce, and return where the contact's browser goes to allow the connection."""
    url, code = await calls.connect(context, connection_id=connection_id, user_id=caller.user_id)
    return ConnectAnswer(authorize_url=url, comparison_code=code)


@router.post("/{connection_id}/confirmation", response_model=ProviderConnectionView, openapi_extra=signed_body(Confirmation))  # fmt: skip  # noqa: E501
async def confirm_comparison_code(
    connection_id: str,
    context: ContextDep,
    actor: Writer,
    body: Annotated[Confirmation, Depends(body_of(Confirmation))],
) -> ProviderConnectionView:
    """Confirm the code that the provider shows (pull, re-keying); five wrong ones end the attempt."""
    try:
        await context.database.write(
            service.confirm, connection_id=connection_id, typed=body.comparison_code, now=context.clock()
        )
    except Conflict as error:
        if error.code == "comparison_wrong":
            await context.database.write(service.wrong_code, connection_id=connection_id)
        raise
    return await context.database.read(_view, connection_id)


@router.post("/{connection_id}/cancellation", response_model=ProviderConnectionView, openapi_extra=signed_body(Reason))
async def cancel_provider_connection(
    connection_id: str,
    request: Request,
    context: ContextDep,
    actor: Writer,
    key: IdempotencyKey,
    body: Annotated[Reason, Depends(body_of(Reason))],
) -> Response:
    """End the onboarding; the provider is told."""

    def act(session: Session, now: datetime) -> str:
        service.cancel(session, connection_id=connection_id, reason=body.reason, actor=actor, now=now)
        return connection_id

    return await _once(request, context, actor, key, act, status=200)


def _view(session: Session, connection_id: str) -> ProviderConnectionView:
    return service.view(session, provider_connections.get(session, connection_id))


async def _once(
    request: Request,
    context: ContextDep,
    actor: Actor,
    key: str,
    act: Callable[[Session, datetime], str],
    *,
    status: int,
) -> Response:
    def work(session: Session, now: datetime) -> Answer:
        view = _view(session, act(session, now))
        return Answer(view, status=status)

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)
