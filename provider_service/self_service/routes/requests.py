"""Requests of self-service registration and the roles that come of them, for programs and the console's staff."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from provider_service.accounts.schemas import CompanyContactView
from provider_service.audit.deps import place_in
from provider_service.audit.schemas import EntityId
from provider_service.context import ContextDep
from provider_service.directory.domain import Caller, email_key
from provider_service.self_service import calls, service
from provider_service.self_service.deps import ReaderDep, StaffDep, WriterDep
from provider_service.self_service.domain import Privilege, RequestRecord, Submission, privileges_of, without_findings
from provider_service.self_service.schemas import (
    Approval,
    BulkDecision,
    BulkOutcome,
    BulkResult,
    CompanyChoice,
    ContactSuspension,
    DirectorySyncView,
    EvidenceView,
    Question,
    Rejection,
    RequestQuery,
    RoleQuery,
    SelfServiceRequestCreate,
    SelfServiceRequestSubmitted,
    SelfServiceRequestView,
    SelfServiceRoleGrant,
    SelfServiceRoleView,
    SyncQuery,
)
from shared.transport.bodies import body_of
from shared.transport.conventions import Page, cut_page, known_parameters, link_header
from shared.transport.openapi import signed_body
from shared.wire.errors import ExchangeError
from shared.wire.self_service import SubmitterKind

router = APIRouter(prefix="/api/v1/self-service", tags=["self-service"], dependencies=[Depends(known_parameters)])

_NEW = signed_body(
    SelfServiceRequestCreate,
    example={"attributes": {"AccountKey": "Analytical Engines Ltd", "EmailAddress": "ada@example.com",
                            "FirstName": "Ada", "LastName": "Lovelace"}},
)  # fmt: skip
_APPROVAL = signed_body(Approval, example={"note_to_applicant": "Welcome."})
_REJECTION = signed_body(Rejection, example={"note_to_applicant": "Please ask your manager.", "tell": True})
_QUESTION = signed_body(Question, example={"question": "Which department are you from?"})
_CHOICE = signed_body(CompanyChoice, example={"company_id": "01J0000000000000000000000A"})
_BULK = signed_body(BulkDecision, example={"ids": ["01J0000000000000000000000A"], "reject": False})
_ROLE = signed_body(
    SelfServiceRoleGrant,
    example={"company_id": "01J0000000000000000000000A", "contact_id": "01J0000000000000000000000B"},
)
_SUSPENSION = signed_body(ContactSuspension, example={"suspended": True})


@router.post("/requests", status_code=201, openapi_extra=_NEW)
async def submit_request(
    caller: WriterDep,
    wanted: Annotated[SelfServiceRequestCreate, Depends(body_of(SelfServiceRequestCreate))],
    context: ContextDep,
) -> SelfServiceRequestSubmitted:
    """Submit a request: staff for anybody, whoever else is signed in for themselves.

    Where the mail address is not the submitter's own, its mailbox has to be proven first.
    """
    staff = Privilege.SUBMIT_FOR_OTHERS in privileges_of(caller.roles)
    by = Submission(
        SubmitterKind.ADMINISTRATOR if staff else SubmitterKind.AUTHENTICATED,
        user_id=caller.user_id,
        name=caller.actor.name,
        address=caller.actor.address,
    )
    address = str(wanted.attributes.get("EmailAddress", ""))
    own = caller.mailbox_proven and email_key(address) == email_key(caller.email)
    made = await calls.submit(context, wanted.draft(), by, proven=staff or own)
    return SelfServiceRequestSubmitted.taken(made, internal=staff)


@router.get("/requests")
async def list_requests(
    request: Request,
    response: Response,
    caller: ReaderDep,
    context: ContextDep,
    query: Annotated[RequestQuery, Query()],
) -> Page[SelfServiceRequestView]:
    """Return requests, the newest first: staff see all, account administrators their accounts', others their own."""
    before = place_in(query.cursor, "newest")
    rows = await context.database.read(
        service.list_requests, caller=caller, state=query.state, before=before, limit=query.limit + 1
    )
    shown, following = cut_page(rows, limit=query.limit, sort="newest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[_view(row, caller) for row in shown], next_cursor=following)


@router.get("/requests/{request_id}")
async def get_request(request_id: EntityId, caller: ReaderDep, context: ContextDep) -> SelfServiceRequestView:
    """Return a request."""
    return _view(await context.database.read(service.get_request, request_id, caller=caller), caller)


@router.get("/requests/{request_id}/evidence")
async def get_request_evidence(request_id: EntityId, caller: ReaderDep, context: ContextDep) -> EvidenceView:
    """Return what was found for a request, and what approving it would do now."""
    return EvidenceView.of(await calls.evidence(context, request_id, caller=caller))


@router.post("/requests/{request_id}/start")
async def start_request(request_id: EntityId, caller: WriterDep, context: ContextDep) -> SelfServiceRequestView:
    """Let a request go on whose type does not by itself."""
    return _view(await calls.start(context, request_id, caller=caller), caller)


@router.post("/requests/{request_id}/approve", openapi_extra=_APPROVAL)
async def approve_request(
    request_id: EntityId,
    caller: WriterDep,
    wanted: Annotated[Approval, Depends(body_of(Approval))],
    context: ContextDep,
) -> SelfServiceRequestView:
    """Approve a request, or try one again that failed. It is decided on what is found now."""
    made = await calls.approve(
        context,
        request_id,
        note_to_applicant=wanted.note_to_applicant,
        internal_note=wanted.internal_note,
        caller=caller,
    )
    return _view(made, caller)


@router.post("/requests/{request_id}/reject", openapi_extra=_REJECTION)
async def reject_request(
    request_id: EntityId,
    caller: WriterDep,
    wanted: Annotated[Rejection, Depends(body_of(Rejection))],
    context: ContextDep,
) -> SelfServiceRequestView:
    """Reject a request."""
    house = await calls.house_of(context)
    made = await context.database.write(
        service.reject,
        request_id,
        note_to_applicant=wanted.note_to_applicant,
        internal_note=wanted.internal_note,
        tell=wanted.tell,
        instance=house.name,
        caller=caller,
        now=context.clock(),
    )
    return _view(made, caller)


@router.post("/requests/{request_id}/ask", openapi_extra=_QUESTION)
async def ask_applicant(
    request_id: EntityId,
    caller: WriterDep,
    wanted: Annotated[Question, Depends(body_of(Question))],
    context: ContextDep,
) -> SelfServiceRequestView:
    """Ask the applicant for more."""
    house = await calls.house_of(context)
    made = await context.database.write(
        service.ask,
        request_id,
        question=wanted.question,
        instance=house.name,
        caller=caller,
        now=context.clock(),
    )
    return _view(made, caller)


@router.put("/requests/{request_id}/company", openapi_extra=_CHOICE)
async def choose_request_company(
    request_id: EntityId,
    caller: WriterDep,
    wanted: Annotated[CompanyChoice, Depends(body_of(CompanyChoice))],
    context: ContextDep,
) -> SelfServiceRequestView:
    """Say which account is meant, whatever the key names; for staff."""
    made = await context.database.write(
        service.choose_company, request_id, wanted.company_id, caller=caller, now=context.clock()
    )
    return _view(made, caller)


@router.post("/requests/{request_id}/withdraw")
async def withdraw_request(request_id: EntityId, caller: WriterDep, context: ContextDep) -> SelfServiceRequestView:
    """Take one's own request back."""

    def work(session: Session, now: datetime) -> RequestRecord:
        service.require_own(session, request_id, caller=caller)
        return service.withdraw(session, request_id, actor=caller.actor, now=now)

    return _view(without_findings(await context.database.write(work, context.clock())), caller)


@router.post("/decisions", openapi_extra=_BULK)
async def decide_requests(
    caller: WriterDep, wanted: Annotated[BulkDecision, Depends(body_of(BulkDecision))], context: ContextDep
) -> BulkResult:
    """Approve or reject many requests, each for itself; the answer says what became of each."""
    done = await calls.decide_all(
        context,
        wanted.ids,
        reject=wanted.reject,
        note_to_applicant=wanted.note_to_applicant,
        internal_note=wanted.internal_note,
        caller=caller,
    )
    return BulkResult(items=[_outcome(request_id, made) for request_id, made in done])


@router.get("/roles")
async def list_roles(
    request: Request, response: Response, caller: ReaderDep, context: ContextDep, query: Annotated[RoleQuery, Query()]
) -> Page[SelfServiceRoleView]:
    """Return roles in the order they were granted: staff see all, account administrators their accounts'."""
    after = place_in(query.cursor, "oldest")
    rows = await context.database.read(
        service.list_roles,
        caller=caller,
        company_id=query.company_id,
        contact_id=query.contact_id,
        after=after,
        limit=query.limit + 1,
    )
    shown, following = cut_page(rows, limit=query.limit, sort="oldest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[SelfServiceRoleView.of(row) for row in shown], next_cursor=following)


@router.get("/directory-syncs")
async def list_directory_syncs(
    request: Request, response: Response, caller: StaffDep, context: ContextDep, query: Annotated[SyncQuery, Query()]
) -> Page[DirectorySyncView]:
    """Return what the directory does not know yet of roles granted and taken, and why; for staff."""
    after = place_in(query.cursor, "oldest")
    rows = await context.database.read(service.list_syncs, caller=caller, after=after, limit=query.limit + 1)
    shown, following = cut_page(rows, limit=query.limit, sort="oldest", key=lambda row: [row.id])
    response.headers.update(link_header(request, following))
    return Page(items=[DirectorySyncView.of(row) for row in shown], next_cursor=following)


@router.post("/roles", status_code=201, openapi_extra=_ROLE)
async def grant_role(
    caller: WriterDep,
    wanted: Annotated[SelfServiceRoleGrant, Depends(body_of(SelfServiceRoleGrant))],
    context: ContextDep,
) -> SelfServiceRoleView:
    """Let a contact of an account hold the user's role there, or the administrator's besides."""
    return SelfServiceRoleView.of(
        await calls.grant_role(
            context, wanted.company_id, wanted.contact_id, administrator=wanted.administrator, caller=caller
        )
    )


@router.delete("/roles/{role_id}", status_code=204)
async def revoke_role(role_id: EntityId, caller: WriterDep, context: ContextDep) -> None:
    """Take a role from a contact. The last administrator of an account stays, unless the caller may remove it."""
    await calls.revoke_role(context, role_id, caller=caller)


@router.put("/companies/{company_id}/contacts/{contact_id}/suspension", openapi_extra=_SUSPENSION)
async def suspend_contact(
    company_id: EntityId,
    contact_id: EntityId,
    caller: WriterDep,
    wanted: Annotated[ContactSuspension, Depends(body_of(ContactSuspension))],
    context: ContextDep,
) -> CompanyContactView:
    """Keep a contact from acting for an account, or let it again; its roles stay, its sessions end."""
    made = await context.database.write(
        service.suspend, company_id, contact_id, suspended=wanted.suspended, caller=caller, now=context.clock()
    )
    return CompanyContactView.of(made)


def _view(record: RequestRecord, caller: Caller) -> SelfServiceRequestView:
    return SelfServiceRequestView.of(record, internal=Privilege.READ in privileges_of(caller.roles))


def _outcome(request_id: str, made: RequestRecord | ExchangeError) -> BulkOutcome:
    if isinstance(made, ExchangeError):
        return BulkOutcome(id=request_id, state=None, code=made.code, detail=made.detail)
    return BulkOutcome(id=request_id, state=made.state, code=None, detail=None)
