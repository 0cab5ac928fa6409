"""Requests of self-service registration: the list, one with what was found for it, and deciding about them."""

from typing import Annotated

from fastapi import Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import CompanyRecord
from provider_service.console import forms
from provider_service.console.deps import PAGE_LENGTH, AnyoneDep, console_router, fragment, notify, page, say_error
from provider_service.console.forms import Form
from provider_service.context import Context, ContextDep
from provider_service.directory.domain import Caller, email_key
from provider_service.self_service import calls, service
from provider_service.self_service.domain import (
    Draft,
    Evidence,
    Privilege,
    RequestRecord,
    Submission,
    explain,
    privileges_of,
)
from provider_service.self_service.schemas import NOTE_LIMIT
from shared.transport.problems import status_of
from shared.wire.errors import ExchangeError, Invalid, NotFound, Unavailable
from shared.wire.self_service import RequestState, RequestTypeCd, SubmitterKind

router = console_router()

OPEN = (RequestState.PENDING, RequestState.MORE_INFO, RequestState.FAILED)
_COMPANIES = 200
_STATES = {state.value: state for state in RequestState if state is not RequestState.VERIFYING}


@router.get("/requests")
async def show_requests(
    request: Request,
    context: ContextDep,
    caller: AnyoneDep,
    state: Annotated[str, Query(max_length=30)] = "",
    before: Annotated[str | None, Query(max_length=36)] = None,
) -> Response:
    """Show the requests the person may see, those that wait first to be chosen from."""
    wanted = _STATES.get(state)
    rows = await context.database.read(
        service.list_requests, caller=caller, state=wanted, before=before, limit=PAGE_LENGTH + 1
    )
    following = rows[PAGE_LENGTH - 1].id if len(rows) > PAGE_LENGTH else None
    return page(
        request,
        "requests/list.html",
        requests=rows[:PAGE_LENGTH],
        following=following,
        before=before,
        state=state if wanted else "",
        states=list(_STATES),
        decides=await context.database.read(_decides, caller),
        form=Form(),
    )


@router.post("/requests/decisions")
async def decide_many(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Approve or reject every request that was ticked, each for itself."""
    form = await forms.read(request)
    done = await calls.decide_all(
        context,
        form.all("ids")[:PAGE_LENGTH],
        reject=form.value("decision") == "reject",
        note_to_applicant=form.value("note_to_applicant").strip()[:NOTE_LIMIT],
        internal_note="",
        caller=caller,
    )
    refused = [made for _, made in done if isinstance(made, ExchangeError)]
    if refused:
        return say_error(request, "/requests", refused[0])
    return notify(request, "/requests", "success", "{count} requests were decided about.", count=len(done))


@router.get("/requests/new")
async def show_new_request(request: Request, caller: AnyoneDep) -> Response:
    """Ask whom access is for: staff ask for anybody, others for themselves."""
    return page(request, "requests/new.html", form=Form.of(EmailAddress=caller.email), staff=_submits(caller))


@router.post("/requests")
async def submit(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Take a request of somebody who is signed in."""
    form, staff = await forms.read(request), _submits(caller)
    names = ("AccountKey", "EmailAddress", "LoginId", "FirstName", "LastName")
    attributes = {name: form.value(name).strip() for name in names if form.value(name).strip()}
    if not attributes.get("AccountKey"):
        attributes["RequestTypeCd"] = RequestTypeCd.CONSUMER
    by = Submission(
        SubmitterKind.ADMINISTRATOR if staff else SubmitterKind.AUTHENTICATED,
        user_id=caller.user_id,
        name=caller.actor.name,
        address=caller.actor.address,
    )
    own = caller.mailbox_proven and email_key(attributes.get("EmailAddress", "")) == email_key(caller.email)
    try:
        made = await calls.submit(context, Draft(attributes, caller.language), by, proven=staff or own)
    except Invalid as error:
        return page(request, "requests/new.html", status_code=422, form=form.wrong(error), staff=staff)
    except ExchangeError as error:
        return say_error(request, "/requests/new", error)
    return RedirectResponse(f"/requests/{made.request.id}", status_code=303)


@router.get("/requests/{request_id}")
async def show_request(request_id: str, request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Show a request, and to whoever may decide about it what was found."""
    return await _shown(request, context, caller, request_id, Form())


@router.get("/requests/{request_id}/progress")
async def show_progress(request_id: str, request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Answer with the request alone: its page moves by itself while it is carried out."""
    return fragment(request, "requests/shown.html", **await _look(context, caller, request_id), form=Form())


@router.post("/requests/{request_id}/{decision}")
async def decide(request_id: str, decision: str, request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Start, approve, reject, ask back, choose the account or withdraw, as the button says."""
    form = await forms.read(request)
    try:
        await _act(context, caller, request_id, decision, form)
    except (NotFound, Unavailable):
        raise
    except ExchangeError as error:
        return await _shown(request, context, caller, request_id, form.wrong(error), status_of(error))
    return RedirectResponse(f"/requests/{request_id}", status_code=303)


async def _act(context: Context, caller: Caller, request_id: str, decision: str, form: Form) -> None:
    told, kept = (form.value(name).strip()[:NOTE_LIMIT] for name in ("note_to_applicant", "internal_note"))
    house, write, now = await calls.house_of(context), context.database.write, context.clock()
    if decision == "approve":
        await calls.approve(context, request_id, note_to_applicant=told, internal_note=kept, caller=caller)
    elif decision == "reject":
        await write(
            service.reject,
            request_id,
            note_to_applicant=told,
            internal_note=kept,
            tell=not form.has("quietly"),
            instance=house.name,
            caller=caller,
            now=now,
        )
    elif decision == "ask":
        if not told:
            fix = "Write it into the note to the applicant."
            raise Invalid("A question needs words", code="question_empty", fix=fix)
        await write(service.ask, request_id, question=told, instance=house.name, caller=caller, now=now)
    elif decision == "start":
        await calls.start(context, request_id, caller=caller)
    elif decision == "company":
        await write(service.choose_company, request_id, form.value("company_id"), caller=caller, now=now)
    elif decision == "withdraw":
        await write(_withdraw, request_id, caller, context)
    else:
        raise NotFound("There is no such decision")


def _withdraw(session: Session, request_id: str, caller: Caller, context: Context) -> None:
    service.require_own(session, request_id, caller=caller)
    service.withdraw(session, request_id, actor=caller.actor, now=context.clock())


async def _shown(
    request: Request, context: Context, caller: Caller, request_id: str, form: Form, status_code: int = 200
) -> Response:
    found = await _look(context, caller, request_id)
    return page(request, "requests/page.html", status_code=status_code, **found, form=form)


async def _look(context: Context, caller: Caller, request_id: str) -> dict[str, object]:
    """Return what is shown of a request. Raises `NotFound`."""
    found = await context.database.read(service.get_request, request_id, caller=caller)
    evidence = await _evidence(context, caller, found)
    staff = Privilege.DECIDE in privileges_of(caller.roles)
    companies: list[CompanyRecord] = []
    if staff and evidence is not None:
        companies = await context.database.read(accounts.list_companies, active=True, limit=_COMPANIES)
    return {
        "found": found,
        "evidence": evidence,
        "explanation": explain(evidence.reason) if evidence and evidence.reason else None,
        "companies": companies,
        "staff": staff,
        "own": found.submitter_user_id == caller.user_id,
    }


async def _evidence(context: Context, caller: Caller, found: RequestRecord) -> Evidence | None:
    if found.state not in OPEN:
        return None
    try:
        return await calls.evidence(context, found.id, caller=caller)
    except NotFound:  # somebody looks at their own request
        return None


def _submits(caller: Caller) -> bool:
    return Privilege.SUBMIT_FOR_OTHERS in privileges_of(caller.roles)


def _decides(session: Session, caller: Caller) -> bool:
    return Privilege.DECIDE in privileges_of(caller.roles) or bool(service.administered(session, caller))
