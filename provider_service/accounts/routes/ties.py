"""Contacts as companies' people."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from sqlalchemy.orm import Session

from provider_service.accounts import service
from provider_service.accounts.deps import AccountHooksDep, ReaderDep, WriterDep
from provider_service.accounts.domain import CompanyContactRecord
from provider_service.accounts.schemas import CompanyContactCreate, CompanyContactPatch, CompanyContactView, PageQuery
from provider_service.audit.deps import Answer, carry_out_once, place_in
from provider_service.audit.schemas import EntityId
from provider_service.context import ContextDep
from shared.transport.bodies import body_of, merge_patch_body
from shared.transport.conventions import (
    MERGE_PATCH_TYPE,
    Page,
    cut_page,
    etag_of,
    known_parameters,
    link_header,
    patched,
    require_match,
)
from shared.transport.idempotency import IdempotencyKey
from shared.transport.openapi import signed_body

router = APIRouter(prefix="/api/v1", tags=["companies"], dependencies=[Depends(known_parameters)])

IfMatch = Annotated[str | None, Header(description="The ETag of the version the change starts from.")]
PatchBody = Annotated[bytes, Depends(merge_patch_body)]
ContactDep = Annotated[CompanyContactCreate, Depends(body_of(CompanyContactCreate))]

_NEW_CONTACT = signed_body(CompanyContactCreate, example={"email": "ada@example.com", "name": "Ada Lovelace"})
_CONTACT_PATCH = signed_body(CompanyContactPatch, example={"enabled": False}, content_type=MERGE_PATCH_TYPE)


@router.get("/companies/{company_id}/contacts")
async def list_company_contacts(
    company_id: EntityId,
    request: Request,
    response: Response,
    caller: ReaderDep,
    context: ContextDep,
    *,
    query: Annotated[PageQuery, Query()],
) -> Page[CompanyContactView]:
    """Return a company's contacts in the order they were made."""
    after = place_in(query.cursor, "oldest")
    rows = await context.database.read(
        service.list_company_contacts, company_id, caller=caller, after=after, limit=query.limit + 1
    )
    shown, following = cut_page(rows, limit=query.limit, sort="oldest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[CompanyContactView.of(row) for row in shown], next_cursor=following)


@router.post(
    "/companies/{company_id}/contacts", status_code=201, response_model=CompanyContactView, openapi_extra=_NEW_CONTACT
)
async def create_company_contact(
    company_id: EntityId,
    request: Request,
    caller: WriterDep,
    wanted: ContactDep,
    context: ContextDep,
    key: IdempotencyKey,
) -> Response:
    """Make a person a company's contact, with a user to sign in as. One without a password gets a mail to set one."""

    def work(session: Session, now: datetime) -> Answer:
        welcome_from = context.settings.issuer if wanted.send_welcome else None
        given = wanted.model_dump(exclude={"send_welcome"})
        return Answer(
            CompanyContactView.of(
                service.create_company_contact(
                    session, company_id, **given, welcome_from=welcome_from, actor=caller.actor, now=now
                )
            )
        )

    return await carry_out_once(request, context, owner=caller.user_id, key=key, work=work)


@router.get("/companies/{company_id}/contacts/{contact_id}")
async def get_company_contact(
    company_id: EntityId, contact_id: EntityId, caller: ReaderDep, context: ContextDep, response: Response
) -> CompanyContactView:
    """Return a company's contact, with the ETag that a change has to name."""
    record = await context.database.read(service.get_company_contact, company_id, contact_id, caller=caller)
    response.headers["etag"] = etag_of(record.version)
    return CompanyContactView.of(record)


@router.put("/companies/{company_id}/contacts/{contact_id}")
async def link_contact(
    company_id: EntityId, contact_id: EntityId, caller: WriterDep, context: ContextDep, response: Response
) -> CompanyContactView:
    """Make a known contact a company's. Doing it twice is one effect, and switches nothing on again."""
    now = context.clock()
    record = await context.database.write(service.link_contact, company_id, contact_id, actor=caller.actor, now=now)
    response.headers["etag"] = etag_of(record.version)
    return CompanyContactView.of(record)


@router.patch("/companies/{company_id}/contacts/{contact_id}", openapi_extra=_CONTACT_PATCH)
async def update_company_contact(
    company_id: EntityId,
    contact_id: EntityId,
    caller: WriterDep,
    body: PatchBody,
    context: ContextDep,
    hooks: AccountHooksDep,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> CompanyContactView:
    """Switch a company's contact on or off."""

    def change(record: CompanyContactRecord) -> bool:
        require_match(if_match, etag_of(record.version))
        return patched(CompanyContactPatch, {"enabled": record.enabled}, body).enabled

    now = context.clock()
    record = await context.database.write(
        service.set_company_contact_enabled, company_id, contact_id, change=change, hooks=hooks, caller=caller, now=now
    )
    response.headers["etag"] = etag_of(record.version)
    return CompanyContactView.of(record)
