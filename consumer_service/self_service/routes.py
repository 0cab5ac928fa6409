"""Requests for access at providers: submitted and followed for people of this instance."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from consumer_service.audit.deps import Answer, allowed, carry_out_once, place_in
from consumer_service.audit.domain import Actor
from consumer_service.audit.schemas import EntityId
from consumer_service.context import ContextDep
from consumer_service.self_service import calls, service
from consumer_service.self_service.schemas import AccessRequestCreate, AccessRequestQuery, AccessRequestView
from shared.transport.bodies import body_of
from shared.transport.conventions import Page, cut_page, known_parameters, link_header
from shared.transport.idempotency import IdempotencyKey
from shared.transport.openapi import signed_body
from shared.wire.states import Role

router = APIRouter(prefix="/api/v1/access-requests", tags=["self-service"], dependencies=[Depends(known_parameters)])

Reader = Annotated[Actor, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, scope="access-requests:read"))]
Writer = Annotated[Actor, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, scope="access-requests:write"))]

_NEW = signed_body(
    AccessRequestCreate,
    example={
        "connection_id": "0192f0c4-0000-7000-8000-000000000001",
        "user_id": "0192f0c4-0000-7000-8000-000000000002",
        "attributes": {"FirstName": "Ada", "LastName": "Lovelace"},
    },
)


@router.get("")
async def list_access_requests(
    request: Request,
    response: Response,
    context: ContextDep,
    _actor: Reader,
    query: Annotated[AccessRequestQuery, Query()],
) -> Page[AccessRequestView]:
    """Return requests, the newest first."""
    rows = await context.database.read(
        service.page,
        before=place_in(query.cursor, "newest"),
        limit=query.limit + 1,
        connection_id=query.connection_id,
        user_id=query.user_id,
    )
    shown, following = cut_page(rows, limit=query.limit, sort="newest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[AccessRequestView.of(row) for row in shown], next_cursor=following)


@router.post("", status_code=201, response_model=AccessRequestView, openapi_extra=_NEW)
async def create_access_request(
    request: Request,
    context: ContextDep,
    actor: Writer,
    key: IdempotencyKey,
    wanted: Annotated[AccessRequestCreate, Depends(body_of(AccessRequestCreate))],
) -> Response:
    """Ask for access for a person of this instance; the provider is told at once, or as soon as it can be reached."""

    def work(session: Session, now: datetime) -> Answer:
        row = service.ask(
            session,
            connection_id=wanted.connection_id,
            user_id=wanted.user_id,
            attributes=wanted.attributes,
            actor=actor,
            now=now,
        )
        return Answer(AccessRequestView.of(row))

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)


@router.get("/{request_id}")
async def get_access_request(request_id: EntityId, context: ContextDep, _actor: Reader) -> AccessRequestView:
    """Return a request, with how it stood when the provider was last asked."""
    return AccessRequestView.of(await context.database.read(service.get, request_id))


@router.post("/{request_id}/refresh")
async def refresh_access_request(request_id: EntityId, context: ContextDep, _actor: Writer) -> AccessRequestView:
    """Ask the provider now, instead of when it is due. What goes wrong stands in `problem`."""
    return AccessRequestView.of(await calls.go_on(context, request_id))
