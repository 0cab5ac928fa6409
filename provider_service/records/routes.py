"""Incidents, comments and bonds in the integrator's API."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from sqlalchemy.orm import Session

from provider_service.audit.deps import Answer, allowed, carry_out_once, place_in
from provider_service.audit.domain import Actor
from provider_service.audit.schemas import PLAIN, EntityId
from provider_service.context import ContextDep
from provider_service.records import service
from provider_service.records.domain import BondState
from provider_service.records.schemas import (
    BondView,
    Bulk,
    BulkAnswer,
    CommentCreate,
    CommentView,
    IncidentCreate,
    IncidentView,
    ShareCreate,
)
from shared.transport.bodies import body_of, merge_patch_body
from shared.transport.conventions import (
    MERGE_PATCH_TYPE,
    Page,
    PageCursor,
    PageLimit,
    cut_page,
    etag_of,
    known_parameters,
    link_header,
    require_match,
)
from shared.transport.idempotency import IdempotencyKey
from shared.transport.inbound import parsed
from shared.transport.openapi import operation_id, signed_body
from shared.wire.incident import IncidentFields
from shared.wire.states import Role

router = APIRouter(
    prefix="/api/v1",
    tags=["records"],
    dependencies=[Depends(known_parameters)],
    generate_unique_id_function=operation_id,
)

Reader = Annotated[Actor, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, Role.SN_SB_READ, scope="incidents:read"))]
Writer = Annotated[Actor, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, scope="incidents:write"))]
Text40 = Annotated[str | None, Query(max_length=40, pattern=PLAIN)]

_CREATE = signed_body(IncidentCreate, example={"fields": {"short_description": "Mail is down", "state": "New"}})
_BULK = signed_body(
    Bulk,
    example={
        "operations": [
            {"op": "create", "ref": "a", "fields": {"short_description": "Mail is down", "state": "New"}},
            {"op": "comment", "ref": "a", "text": "We are looking into it."},
        ]
    },
)


@router.get("/incidents")
async def list_incidents(
    request: Request,
    response: Response,
    context: ContextDep,
    actor: Reader,
    cursor: PageCursor = None,
    limit: PageLimit = 50,
    state: Text40 = None,
    number: Text40 = None,
    connection_id: Text40 = None,
) -> Page[IncidentView]:
    """Return incidents, the newest first."""
    rows = await context.database.read(
        service.incidents,
        before=place_in(cursor, "newest"),
        limit=limit + 1,
        state=state,
        number=number,
        connection_id=connection_id,
    )
    shown, following = cut_page(rows, limit=limit, sort="newest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[service.incident_view(row) for row in shown], next_cursor=following)


@router.post("/incidents", status_code=201, response_model=IncidentView, openapi_extra=_CREATE)
async def create_incident(
    request: Request,
    context: ContextDep,
    actor: Writer,
    key: IdempotencyKey,
    body: Annotated[IncidentCreate, Depends(body_of(IncidentCreate))],
) -> Response:
    """Create an incident; with a connection it is shared at once."""

    def work(session: Session, now: datetime) -> Answer:
        fields = body.fields.model_dump(exclude_unset=True)
        made = service.create(session, fields=fields, connection_id=body.connection_id, actor=actor, now=now)
        return Answer(service.incident_view(service.get_incident(session, made)))

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)


@router.post("/incidents/bulk", response_model=BulkAnswer, openapi_extra=_BULK)
async def operate_incidents(
    request: Request,
    context: ContextDep,
    actor: Writer,
    key: IdempotencyKey,
    body: Annotated[Bulk, Depends(body_of(Bulk))],
) -> Response:
    """Create, change and comment up to 100 times in one transaction; takes the last writer's word, without If-Match."""

    def work(session: Session, now: datetime) -> Answer:
        items = service.operate(session, body.operations, connection_id=body.connection_id, actor=actor, now=now)
        return Answer(BulkAnswer(items=items), status=200)

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)


@router.get("/incidents/{incident_id}")
async def get_incident(incident_id: EntityId, context: ContextDep, actor: Reader, response: Response) -> IncidentView:
    """Return one incident."""
    row = await context.database.read(service.get_incident, incident_id)
    response.headers["etag"] = etag_of(row.version)
    return service.incident_view(row)


@router.patch("/incidents/{incident_id}", openapi_extra=signed_body(IncidentFields, content_type=MERGE_PATCH_TYPE))
async def update_incident(
    incident_id: EntityId,
    context: ContextDep,
    actor: Writer,
    response: Response,
    body: Annotated[bytes, Depends(merge_patch_body)],
    if_match: Annotated[str | None, Header()] = None,
) -> IncidentView:
    """Change an incident; needs If-Match. The change travels over every bond."""
    fields = parsed(IncidentFields, body).model_dump(exclude_unset=True)

    def work(session: Session, now: datetime) -> IncidentView:
        row = service.get_incident(session, incident_id)
        require_match(if_match, etag_of(row.version))
        service.update(
            session, incident_id=incident_id, fields=fields, expected_version=row.version, actor=actor, now=now
        )
        session.refresh(row)
        return service.incident_view(row)

    view = await context.database.write(work, context.clock())
    response.headers["etag"] = etag_of(view.version)
    return view


@router.get("/incidents/{incident_id}/comments")
async def list_incident_comments(incident_id: EntityId, context: ContextDep, actor: Reader) -> list[CommentView]:
    """Return comments and work notes, the oldest first."""
    return await context.database.read(service.comments, incident_id)


@router.post(
    "/incidents/{incident_id}/comments",
    status_code=201,
    response_model=CommentView,
    openapi_extra=signed_body(CommentCreate),
)
async def add_incident_comment(
    incident_id: EntityId,
    request: Request,
    context: ContextDep,
    actor: Writer,
    key: IdempotencyKey,
    body: Annotated[CommentCreate, Depends(body_of(CommentCreate))],
) -> Response:
    """Add a comment, which travels over every bond, or a work note, which never leaves."""

    def work(session: Session, now: datetime) -> Answer:
        made = service.add_comment(
            session, incident_id=incident_id, kind=body.kind, text=body.text, actor=actor, now=now
        )
        return Answer(next(view for view in service.comments(session, incident_id) if view.id == made))

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)


@router.post(
    "/incidents/{incident_id}/bonds", status_code=201, response_model=BondView, openapi_extra=signed_body(ShareCreate)
)
async def share_incident(
    incident_id: EntityId,
    request: Request,
    context: ContextDep,
    actor: Writer,
    key: IdempotencyKey,
    body: Annotated[ShareCreate, Depends(body_of(ShareCreate))],
) -> Response:
    """Share an incident over a connection; doing it twice is one effect."""

    def work(session: Session, now: datetime) -> Answer:
        made = service.share(session, incident_id=incident_id, connection_id=body.connection_id, actor=actor, now=now)
        return Answer(service.bond_view(service.get_bond(session, made)))

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)


@router.get("/bonds")
async def list_bonds(
    request: Request,
    response: Response,
    context: ContextDep,
    actor: Reader,
    cursor: PageCursor = None,
    limit: PageLimit = 50,
    connection_id: Text40 = None,
    incident_id: Text40 = None,
    state: Annotated[BondState | None, Query()] = None,
) -> Page[BondView]:
    """Return bonds, the newest first."""
    rows = await context.database.read(
        service.bonds,
        before=place_in(cursor, "newest"),
        limit=limit + 1,
        connection_id=connection_id,
        incident_id=incident_id,
        state=state,
    )
    shown, following = cut_page(rows, limit=limit, sort="newest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[service.bond_view(row) for row in shown], next_cursor=following)


@router.get("/bonds/{bond_id}")
async def get_bond(bond_id: EntityId, context: ContextDep, actor: Reader) -> BondView:
    """Return one bond."""
    return service.bond_view(await context.database.read(service.get_bond, bond_id))


@router.post("/bonds/{bond_id}/disconnect", response_model=BondView)
async def disconnect_bond(
    bond_id: EntityId, request: Request, context: ContextDep, actor: Writer, key: IdempotencyKey
) -> Response:
    """Stop sending changes over a bond; they are noted for the reconnection."""

    def work(session: Session, now: datetime) -> Answer:
        return Answer(service.bond_view(service.disconnect(session, bond_id=bond_id, actor=actor, now=now)), 200)

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)


@router.post("/bonds/{bond_id}/reconnect", response_model=BondView)
async def reconnect_bond(
    bond_id: EntityId, request: Request, context: ContextDep, actor: Writer, key: IdempotencyKey
) -> Response:
    """Send changes again, beginning with those made meanwhile."""

    def work(session: Session, now: datetime) -> Answer:
        return Answer(service.bond_view(service.reconnect(session, bond_id=bond_id, actor=actor, now=now)), 200)

    return await carry_out_once(request, context, owner=actor.id, key=key, work=work)
