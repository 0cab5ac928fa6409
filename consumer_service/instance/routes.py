"""The consumer record in the operator's API."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from sqlalchemy.orm import Session

from consumer_service.audit.deps import Answer, allowed, carry_out_once
from consumer_service.audit.domain import Actor
from consumer_service.context import ContextDep
from consumer_service.instance import service
from consumer_service.instance.deps import InstanceHooksDep, mark
from consumer_service.instance.domain import Instance, NewInstance
from consumer_service.instance.schemas import Declaration, InstanceCreate, InstancePatch, InstanceView, StandingView
from shared.transport.bodies import body_of, merge_patch_body
from shared.transport.conventions import MERGE_PATCH_TYPE, etag_of, known_parameters, patched, require_match
from shared.transport.idempotency import IdempotencyKey
from shared.transport.openapi import signed_body
from shared.wire.errors import NotFound
from shared.wire.identifiers import canonical_issuer
from shared.wire.states import Role

router = APIRouter(prefix="/api/v1/instance", tags=["instance"], dependencies=[Depends(known_parameters)])

_EXAMPLE = {"name": "desk-one", "instance_type": "production", "sender_address": "desk@example.com"}

Reader = Annotated[Actor, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, Role.SN_SB_READ, scope="instance:read"))]
Writer = Annotated[Actor, Depends(allowed(Role.ADMIN, scope="instance:write"))]


@router.get("")
async def get_instance(context: ContextDep, actor: Reader, response: Response) -> InstanceView:
    """Return who this instance is."""
    record = await context.database.read(service.get)
    if record is None:
        raise NotFound("This instance has no record yet", code="instance_missing", fix="Create it.")
    response.headers["etag"] = etag_of(record.version)
    return InstanceView.of(record)


@router.post(
    "", status_code=201, response_model=InstanceView, openapi_extra=signed_body(InstanceCreate, example=_EXAMPLE)
)
async def create_instance(
    *,
    request: Request,
    context: ContextDep,
    hooks: InstanceHooksDep,
    actor: Writer,
    key: IdempotencyKey,
    body: Annotated[InstanceCreate, Depends(body_of(InstanceCreate))],
) -> Response:
    """State once who this instance is; a second time is refused."""
    settings = context.settings
    issuer = canonical_issuer(settings.issuer, allow_loopback_http=settings.environment == "development")
    made: list[Instance] = []

    def work(session: Session, now: datetime) -> Answer:
        new = NewInstance(**body.model_dump())
        made.append(service.create(session, new, issuer=issuer, actor=actor, hooks=hooks, now=now))
        return Answer(InstanceView.of(made[-1]))

    answer = await carry_out_once(request, context, owner=actor.id, key=key, work=work)
    if made:
        await mark(made[-1], settings.data_dir)
    return answer


@router.patch("", openapi_extra=signed_body(InstancePatch, content_type=MERGE_PATCH_TYPE))
async def update_instance(
    *,
    context: ContextDep,
    hooks: InstanceHooksDep,
    actor: Writer,
    response: Response,
    body: Annotated[bytes, Depends(merge_patch_body)],
    if_match: Annotated[str | None, Header()] = None,
) -> InstanceView:
    """Change what may change; needs If-Match."""

    def work(session: Session, now: datetime) -> Instance:
        current = service.require(session)
        require_match(if_match, etag_of(current.version))
        wanted = patched(InstancePatch, _patchable(current), body).model_dump()
        return service.change(session, wanted, expected_version=current.version, actor=actor, hooks=hooks, now=now)

    record = await context.database.write(work, context.clock())
    response.headers["etag"] = etag_of(record.version)
    return InstanceView.of(record)


@router.get("/standing")
async def get_standing(context: ContextDep, actor: Reader) -> StandingView:
    """Say whether this database is where it belongs, or was copied or restored."""
    standing = await context.database.read(service.state, context.settings.data_dir)
    return StandingView(standing=standing, muted=standing.muted)


@router.post("/declarations", status_code=201, response_model=InstanceView, openapi_extra=signed_body(Declaration))
async def declare_instance(
    *,
    request: Request,
    context: ContextDep,
    hooks: InstanceHooksDep,
    actor: Writer,
    key: IdempotencyKey,
    body: Annotated[Declaration, Depends(body_of(Declaration))],
) -> Response:
    """Say that this database is a copy, or was restored from a backup; it is muted until then."""
    declare = service.declare_copy if body.decision == "copy" else service.declare_restored
    made: list[Instance] = []

    def work(session: Session, now: datetime) -> Answer:
        made.append(declare(session, actor=actor, hooks=hooks, now=now))
        return Answer(InstanceView.of(made[-1]))

    answer = await carry_out_once(request, context, owner=actor.id, key=key, work=work)
    if made:
        await mark(made[-1], context.settings.data_dir)
    return answer


def _patchable(instance: Instance) -> dict[str, object]:
    return {name: getattr(instance, name) for name in InstancePatch.model_fields}
