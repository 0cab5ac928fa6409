"""Companies."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from sqlalchemy.orm import Session

from provider_service.accounts import service
from provider_service.accounts.deps import ReaderDep, WriterDep
from provider_service.accounts.domain import CompanyFacts, CompanyRecord
from provider_service.accounts.schemas import CompanyQuery, CompanyView, CompanyWrite
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
CompanyDep = Annotated[CompanyWrite, Depends(body_of(CompanyWrite))]

_NEW_COMPANY = signed_body(
    CompanyWrite, example={"name": "Analytical Engines Ltd", "external_key": "4711", "domains": ["example.com"]}
)
_COMPANY_PATCH = signed_body(CompanyWrite, example={"active": False}, content_type=MERGE_PATCH_TYPE)


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
