"""Companies and their contacts."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from sqlalchemy.orm import Session

from provider_service.accounts import service
from provider_service.accounts.domain import STAFF, CompanyFacts, CompanyRecord, ContactRecord
from provider_service.accounts.schemas import (
    CompanyQuery,
    CompanyView,
    CompanyWrite,
    ContactCreate,
    ContactPatch,
    ContactView,
    PageQuery,
)
from provider_service.audit.deps import Answer, carry_out_once, place_in
from provider_service.audit.schemas import EntityId
from provider_service.context import ContextDep
from provider_service.directory.deps import allowed
from provider_service.directory.domain import Caller
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
from shared.wire.states import Role

router = APIRouter(prefix="/api/v1", tags=["companies"], dependencies=[Depends(known_parameters)])

IfMatch = Annotated[str | None, Header(description="The ETag of the version the change starts from.")]
PatchBody = Annotated[bytes, Depends(merge_patch_body)]
ReaderDep = Annotated[Caller, Depends(allowed(*STAFF, Role.SN_SB_PRO_CONSUMER, scope="companies:read"))]
WriterDep = Annotated[Caller, Depends(allowed(Role.ADMIN, Role.SN_SB_ADMIN, scope="companies:write"))]
CompanyDep = Annotated[CompanyWrite, Depends(body_of(CompanyWrite))]
ContactDep = Annotated[ContactCreate, Depends(body_of(ContactCreate))]

_NEW_COMPANY = signed_body(
    CompanyWrite, example={"name": "Analytical Engines Ltd", "external_key": "4711", "domains": ["example.com"]}
)
_COMPANY_PATCH = signed_body(CompanyWrite, example={"active": False}, content_type=MERGE_PATCH_TYPE)
_NEW_CONTACT = signed_body(ContactCreate, example={"email": "ada@example.com", "name": "Ada Lovelace"})
_CONTACT_PATCH = signed_body(ContactPatch, example={"enabled": False}, content_type=MERGE_PATCH_TYPE)


@router.get("/companies")
async def list_companies(
    request: Request,
    response: Response,
    caller: ReaderDep,
    context: ContextDep,
    query: Annotated[CompanyQuery, Query()],
) -> Page[CompanyView]:
    """Return companies in the order they were made; a contact sees its own."""
    after = place_in(query.cursor, "oldest")
    filters = query.model_dump(include={"external_key", "active"})
    rows = await context.database.read(
        service.list_companies, caller=caller, after=after, limit=query.limit + 1, **filters
    )
    shown, following = cut_page(rows, limit=query.limit, sort="oldest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[CompanyView.of(row) for row in shown], next_cursor=following)


@router.post("/companies", status_code=201, response_model=CompanyView, openapi_extra=_NEW_COMPANY)
async def create_company(
    request: Request, caller: WriterDep, wanted: CompanyDep, context: ContextDep, key: IdempotencyKey
) -> Response:
    """Make a company."""

    def work(session: Session, now: datetime) -> Answer:
        return Answer(CompanyView.of(service.create_company(session, wanted.facts(), actor=caller.actor, now=now)))

    return await carry_out_once(request, context, owner=caller.user_id, key=key, work=work)


@router.get("/companies/{company_id}")
async def get_company(company_id: EntityId, caller: ReaderDep, context: ContextDep, response: Response) -> CompanyView:
    """Return a company, with the ETag that a change has to name."""
    record = await context.database.read(service.get_company, company_id, caller=caller)
    response.headers["etag"] = etag_of(record.version)
    return CompanyView.of(record)


@router.patch("/companies/{company_id}", openapi_extra=_COMPANY_PATCH)
async def update_company(
    company_id: EntityId,
    caller: WriterDep,
    body: PatchBody,
    context: ContextDep,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> CompanyView:
    """Change a company, or deactivate it, which keeps its contacts from acting."""

    def change(record: CompanyRecord) -> CompanyFacts:
        require_match(if_match, etag_of(record.version))
        present = CompanyView.of(record).model_dump(include=set(CompanyWrite.model_fields))
        return patched(CompanyWrite, present, body).facts()

    now = context.clock()
    record = await context.database.write(
        service.update_company, company_id, change=change, actor=caller.actor, now=now
    )
    response.headers["etag"] = etag_of(record.version)
    return CompanyView.of(record)


@router.get("/companies/{company_id}/contacts")
async def list_contacts(
    company_id: EntityId,
    request: Request,
    response: Response,
    caller: ReaderDep,
    context: ContextDep,
    *,
    query: Annotated[PageQuery, Query()],
) -> Page[ContactView]:
    """Return a company's contacts in the order they were made."""
    after = place_in(query.cursor, "oldest")
    rows = await context.database.read(
        service.list_contacts, company_id, caller=caller, after=after, limit=query.limit + 1
    )
    shown, following = cut_page(rows, limit=query.limit, sort="oldest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[ContactView.of(row) for row in shown], next_cursor=following)


@router.post(
    "/companies/{company_id}/contacts", status_code=201, response_model=ContactView, openapi_extra=_NEW_CONTACT
)
async def create_contact(
    company_id: EntityId,
    request: Request,
    caller: WriterDep,
    wanted: ContactDep,
    context: ContextDep,
    key: IdempotencyKey,
) -> Response:
    """Make a person a company's contact. One without a password gets a mail to set one."""

    def work(session: Session, now: datetime) -> Answer:
        welcome_from = context.settings.issuer if wanted.send_welcome else None
        given = wanted.model_dump(exclude={"send_welcome"})
        return Answer(
            ContactView.of(
                service.create_contact(
                    session, company_id, **given, welcome_from=welcome_from, actor=caller.actor, now=now
                )
            )
        )

    return await carry_out_once(request, context, owner=caller.user_id, key=key, work=work)


@router.get("/contacts/{contact_id}")
async def get_contact(contact_id: EntityId, caller: ReaderDep, context: ContextDep, response: Response) -> ContactView:
    """Return a contact, with the ETag that a change has to name."""
    record = await context.database.read(service.get_contact, contact_id, caller=caller)
    response.headers["etag"] = etag_of(record.version)
    return ContactView.of(record)


@router.patch("/contacts/{contact_id}", openapi_extra=_CONTACT_PATCH)
async def update_contact(
    contact_id: EntityId,
    caller: WriterDep,
    body: PatchBody,
    context: ContextDep,
    response: Response,
    *,
    if_match: IfMatch = None,
) -> ContactView:
    """Switch a contact on or off."""

    def change(record: ContactRecord) -> bool:
        require_match(if_match, etag_of(record.version))
        return patched(ContactPatch, {"enabled": record.enabled}, body).enabled

    now = context.clock()
    record = await context.database.write(
        service.set_contact_enabled, contact_id, change=change, actor=caller.actor, now=now
    )
    response.headers["etag"] = etag_of(record.version)
    return ContactView.of(record)
