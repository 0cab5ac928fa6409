"""Groups of the directory, and the systems that may provision over SCIM."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from provider_service.audit.deps import Answer, carry_out_once, place_in
from provider_service.audit.schemas import EntityId
from provider_service.context import ContextDep
from provider_service.directory import service as directory
from provider_service.directory.deps import allowed
from provider_service.directory.domain import Caller
from provider_service.scim import service
from provider_service.scim.schemas import (
    GroupCreate,
    GroupView,
    ListQuery,
    NewScimClientView,
    ScimClientCreate,
    ScimClientView,
)
from shared.transport.bodies import body_of
from shared.transport.conventions import Page, cut_page, known_parameters, link_header
from shared.transport.idempotency import IdempotencyKey
from shared.transport.openapi import signed_body
from shared.wire.states import Role

router = APIRouter(prefix="/api/v1", dependencies=[Depends(known_parameters)])

ReaderDep = Annotated[Caller, Depends(allowed(Role.ADMIN, scope="users:read"))]
WriterDep = Annotated[Caller, Depends(allowed(Role.ADMIN, scope="users:write"))]
ClientCreateDep = Annotated[ScimClientCreate, Depends(body_of(ScimClientCreate))]
GroupCreateDep = Annotated[GroupCreate, Depends(body_of(GroupCreate))]
QueryDep = Annotated[ListQuery, Query()]

_NEW_CLIENT = signed_body(ScimClientCreate, example={"name": "Identity service"})
_NEW_GROUP = signed_body(GroupCreate, example={"name": "Self-service users", "privileged": False})


@router.get("/groups", tags=["groups"])
async def list_groups(
    request: Request, response: Response, _caller: ReaderDep, context: ContextDep, query: QueryDep
) -> Page[GroupView]:
    """Return groups in the order they were made."""
    after = place_in(query.cursor, "oldest")
    rows = await context.database.read(directory.list_groups, after=after, limit=query.limit + 1)
    shown, following = cut_page(rows, limit=query.limit, sort="oldest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[GroupView.model_validate(row) for row in shown], next_cursor=following)


@router.post("/groups", tags=["groups"], status_code=201, response_model=GroupView, openapi_extra=_NEW_GROUP)
async def create_group(
    request: Request, caller: WriterDep, wanted: GroupCreateDep, context: ContextDep, key: IdempotencyKey
) -> Response:
    """Make a group of people."""

    def work(session: Session, now: object) -> Answer:
        made = directory.create_group(session, **wanted.model_dump(), actor=caller.actor, now=context.clock())
        return Answer(GroupView.model_validate(made))

    return await carry_out_once(request, context, owner=caller.user_id, key=key, work=work)


@router.get("/groups/{group_id}", tags=["groups"])
async def get_group(group_id: EntityId, _caller: ReaderDep, context: ContextDep) -> GroupView:
    """Return a group and its people."""
    return GroupView.model_validate(await context.database.read(directory.get_group, group_id))


@router.get("/scim-clients", tags=["scim"])
async def list_scim_clients(
    request: Request, response: Response, _caller: ReaderDep, context: ContextDep, query: QueryDep
) -> Page[ScimClientView]:
    """Return the systems that may provision here."""
    after = place_in(query.cursor, "oldest")
    rows = await context.database.read(service.list_clients, after=after, limit=query.limit + 1)
    shown, following = cut_page(rows, limit=query.limit, sort="oldest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[ScimClientView.model_validate(row) for row in shown], next_cursor=following)


@router.post(
    "/scim-clients", tags=["scim"], status_code=201, response_model=NewScimClientView, openapi_extra=_NEW_CLIENT
)
async def create_scim_client(
    request: Request, caller: WriterDep, wanted: ClientCreateDep, context: ContextDep, key: IdempotencyKey
) -> Response:
    """Let another system provision people over SCIM. Its token is shown in this answer and never again."""

    def work(session: Session, now: object) -> Answer:
        made = service.create_client(session, name=wanted.name, actor=caller.actor, now=context.clock())
        shown, kept = NewScimClientView.shown(made, secret=True), NewScimClientView.shown(made, secret=False)
        return Answer(shown, kept=kept)

    return await carry_out_once(request, context, owner=caller.user_id, key=key, work=work)


@router.delete("/scim-clients/{client_id}", tags=["scim"])
async def revoke_scim_client(client_id: EntityId, caller: WriterDep, context: ContextDep) -> ScimClientView:
    """End a system's token at once; the people it made stay as they are."""
    now = context.clock()
    row = await context.database.write(service.revoke_client, client_id, actor=caller.actor, now=now)
    return ScimClientView.model_validate(row)


@router.put("/scim-clients/{client_id}/groups/{group_id}", tags=["scim"])
async def give_scim_group(
    client_id: EntityId, group_id: EntityId, caller: WriterDep, context: ContextDep
) -> ScimClientView:
    """Let a system see a group, and write it unless it is privileged."""
    now = context.clock()
    row = await context.database.write(service.give_group, client_id, group_id, actor=caller.actor, now=now)
    return ScimClientView.model_validate(row)


@router.delete("/scim-clients/{client_id}/groups/{group_id}", tags=["scim"])
async def take_scim_group(
    client_id: EntityId, group_id: EntityId, caller: WriterDep, context: ContextDep
) -> ScimClientView:
    """Let a system see a group no more."""
    now = context.clock()
    row = await context.database.write(service.take_group, client_id, group_id, actor=caller.actor, now=now)
    return ScimClientView.model_validate(row)
