"""Contacts as people."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from sqlalchemy.orm import Session

from provider_service.accounts import service
from provider_service.accounts.deps import AccountHooksDep, AdminDep, ReaderDep, WriterDep
from provider_service.accounts.domain import ContactFacts, ContactRecord
from provider_service.accounts.schemas import ContactMerge, ContactQuery, ContactView, ContactWrite
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

router = APIRouter(prefix="/api/v1", tags=["contacts"], dependencies=[Depends(known_parameters)])

IfMatch = Annotated[str | None, Header(description="The ETag of the version the change starts from.")]
PatchBody = Annotated[bytes, Depends(merge_patch_body)]
ContactDep = Annotated[ContactWrite, Depends(body_of(ContactWrite))]
MergeDep = Annotated[ContactMerge, Depends(body_of(ContactMerge))]

_NEW_CONTACT = signed_body(
    ContactWrite, example={"email": "grace@example.com", "first_name": "Grace", "last_name": "Hopper"}
)
_CONTACT_PATCH = signed_body(ContactWrite, example={"last_name": "Hopper"}, content_type=MERGE_PATCH_TYPE)
_MERGE = signed_body(ContactMerge, example={"into_id": "0197f3c0-0000-7000-8000-000000000001"})


@router.get("/contacts")
async def list_contacts(
    request: Request,
    response: Response,
    caller: ReaderDep,
    context: ContextDep,
    query: Annotated[ContactQuery, Query()],
) -> Page[ContactView]:
    """Return contacts in the order they were made, merged ones left out; a contact sees its own record."""
    after = place_in(query.cursor, "oldest")
    filters = query.model_dump(include={"email", "company_id", "user_id", "stamped"})
    rows = await context.database.read(
        service.list_contacts, caller=caller, after=after, limit=query.limit + 1, **filters
    )
    shown, following = cut_page(rows, limit=query.limit, sort="oldest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[ContactView.of(row) for row in shown], next_cursor=following)


@router.post("/contacts", status_code=201, response_model=ContactView, openapi_extra=_NEW_CONTACT)
async def create_contact(
    request: Request, caller: WriterDep, wanted: ContactDep, context: ContextDep, key: IdempotencyKey
) -> Response:
    """Make the record of a person, of no company yet, and without a user to sign in as unless one is named."""

    def work(session: Session, now: datetime) -> Answer:
        return Answer(ContactView.of(service.create_contact(session, wanted.facts(), actor=caller.actor, now=now)))

    return await carry_out_once(request, context, owner=caller.user_id, key=key, work=work)


@router.get("/contacts/{contact_id}")
async def get_contact(contact_id: EntityId, caller: ReaderDep, context: ContextDep, response: Response) -> ContactView:
    """Return a contact, with the ETag that a change has to name; a merged one says which contact it is now."""
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
    hooks: AccountHooksDep,
    *,
    if_match: IfMatch = None,
) -> ContactView:
    """Change a contact; stamping it with another user, or taking the stamp off, is for an administrator."""

    def change(record: ContactRecord) -> ContactFacts:
        require_match(if_match, etag_of(record.version))
        present = ContactView.of(record).model_dump(mode="json", include=set(ContactWrite.model_fields))
        return patched(ContactWrite, present, body).facts()

    now = context.clock()
    record = await context.database.write(
        service.update_contact, contact_id, change=change, hooks=hooks, caller=caller, now=now
    )
    response.headers["etag"] = etag_of(record.version)
    return ContactView.of(record)


@router.post("/contacts/{contact_id}/merge", status_code=201, response_model=ContactView, openapi_extra=_MERGE)
async def merge_contact(
    contact_id: EntityId,
    request: Request,
    caller: AdminDep,
    wanted: MergeDep,
    context: ContextDep,
    hooks: AccountHooksDep,
    *,
    key: IdempotencyKey,
) -> Response:
    """Find a contact to be another one, which takes its companies and its stamp; return the one that stays."""

    def work(session: Session, now: datetime) -> Answer:
        record = service.merge_contacts(session, contact_id, wanted.into_id, hooks=hooks, actor=caller.actor, now=now)
        return Answer(ContactView.of(record))

    return await carry_out_once(request, context, owner=caller.user_id, key=key, work=work)
