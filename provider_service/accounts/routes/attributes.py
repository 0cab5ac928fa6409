"""Attributes an administrator declares for companies, contacts and requests."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from sqlalchemy.orm import Session

from provider_service.accounts import service
from provider_service.accounts.deps import AccountHooksDep, AdminDep, StaffDep
from provider_service.accounts.domain import AttributeFacts, AttributeRecord, DeclaredFor
from provider_service.accounts.schemas import (
    AttributeCreate,
    AttributeList,
    AttributeQuery,
    AttributeView,
    AttributeWrite,
)
from provider_service.audit.deps import Answer, carry_out_once
from provider_service.context import ContextDep
from shared.transport.bodies import body_of, merge_patch_body
from shared.transport.conventions import MERGE_PATCH_TYPE, etag_of, known_parameters, patched, require_match
from shared.transport.idempotency import IdempotencyKey
from shared.transport.openapi import signed_body

router = APIRouter(prefix="/api/v1", tags=["custom attributes"], dependencies=[Depends(known_parameters)])

IfMatch = Annotated[str | None, Header(description="The ETag of the version the change starts from.")]
PatchBody = Annotated[bytes, Depends(merge_patch_body)]
CreateDep = Annotated[AttributeCreate, Depends(body_of(AttributeCreate))]
Code = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]

_NEW = signed_body(
    AttributeCreate,
    example={
        "object": "company",
        "code": "CustomerNumber_c",
        "type": "text",
        "label": "Customer number",
        "unique": True,
    },
)
_PATCH = signed_body(AttributeWrite, example={"label": "Number of the customer"}, content_type=MERGE_PATCH_TYPE)


@router.get("/custom-attributes")
async def list_custom_attributes(
    _caller: StaffDep, context: ContextDep, query: Annotated[AttributeQuery, Query()]
) -> AttributeList:
    """Return what is declared, by object and code."""
    rows = await context.database.read(service.list_attributes, query.object)
    return AttributeList(items=[AttributeView.of(row) for row in rows])


@router.post("/custom-attributes", status_code=201, response_model=AttributeView, openapi_extra=_NEW)
async def create_custom_attribute(
    request: Request, caller: AdminDep, wanted: CreateDep, context: ContextDep, key: IdempotencyKey
) -> Response:
    """Declare an attribute; object, code, type and uniqueness stay for good."""

    def work(session: Session, now: datetime) -> Answer:
        made = service.declare_attribute(
            session,
            wanted.object,
            wanted.code,
            wanted.type,
            wanted.facts(),
            unique=wanted.unique,
            actor=caller.actor,
            now=now,
        )
        return Answer(AttributeView.of(made))

    return await carry_out_once(request, context, owner=caller.user_id, key=key, work=work)


@router.get("/custom-attributes/{object}/{code}")
async def get_custom_attribute(
    object_: Annotated[DeclaredFor, Path(alias="object")],
    code: Code,
    _caller: StaffDep,
    context: ContextDep,
    response: Response,
) -> AttributeView:
    """Return a declared attribute, with the ETag that a change has to name."""
    record = await context.database.read(service.get_attribute, object_, code)
    response.headers["etag"] = etag_of(record.version)
    return AttributeView.of(record)


@router.patch("/custom-attributes/{object}/{code}", openapi_extra=_PATCH)
async def update_custom_attribute(
    object_: Annotated[DeclaredFor, Path(alias="object")],
    code: Code,
    caller: AdminDep,
    body: PatchBody,
    context: ContextDep,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> AttributeView:
    """Change label, choices, or whether a value is required. A choice that is somebody's value stays."""

    def change(record: AttributeRecord) -> AttributeFacts:
        require_match(if_match, etag_of(record.version))
        present = AttributeView.of(record).model_dump(include=set(AttributeWrite.model_fields))
        return patched(AttributeWrite, present, body).facts()

    now = context.clock()
    record = await context.database.write(
        service.change_attribute, object_, code, change=change, actor=caller.actor, now=now
    )
    response.headers["etag"] = etag_of(record.version)
    return AttributeView.of(record)


@router.delete("/custom-attributes/{object}/{code}", status_code=204)
async def delete_custom_attribute(
    object_: Annotated[DeclaredFor, Path(alias="object")],
    code: Code,
    caller: AdminDep,
    context: ContextDep,
    hooks: AccountHooksDep,
) -> None:
    """Take a declaration back, once no value, profile option or map relies on it."""
    now = context.clock()
    await context.database.write(service.remove_attribute, object_, code, hooks=hooks, actor=caller.actor, now=now)
