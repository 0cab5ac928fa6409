"""Invitations to accounts, for staff and account administrators: who is invited, inviting, sending again, revoking."""

from typing import Annotated

from fastapi import Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import CompanyRecord
from provider_service.console import forms
from provider_service.console.deps import PAGE_LENGTH, AnyoneDep, console_router, notify, page, say_error
from provider_service.console.forms import Form
from provider_service.context import Context, ContextDep
from provider_service.directory.domain import Caller
from provider_service.self_service import calls, service
from provider_service.self_service.domain import InvitationRecord, Privilege, privileges_of
from provider_service.self_service.schemas import SelfServiceInvitationCreate
from shared.transport.problems import status_of
from shared.wire.errors import Conflict, ExchangeError, Invalid

router = console_router()

_COMPANIES = 200
SENTENCES = {
    "company_id": "Choose a company.",
    "email": "Enter an e-mail address like name@example.com.",
    "language": "Choose a language.",
}


@router.get("/invitations")
async def show_invitations(
    request: Request, context: ContextDep, caller: AnyoneDep, before: Annotated[str | None, Query(max_length=36)] = None
) -> Response:
    """Show the invitations the person may see, and to whoever may invite the form for it."""
    return await _shown(request, context, caller, Form.of(language=caller.language), before=before)


@router.post("/invitations")
async def invite(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Invite somebody."""
    form = await forms.read(request)
    try:
        names = ("company_id", "email", "language")
        wanted = forms.checked(SelfServiceInvitationCreate, form, *names, administrator=form.has("administrator"))
        made = await calls.invite(
            context,
            wanted.company_id,
            wanted.email,
            administrator=wanted.administrator,
            language=wanted.language,
            caller=caller,
        )
    except (Invalid, Conflict) as error:
        return await _shown(request, context, caller, form.wrong(error, SENTENCES), status_code=status_of(error))
    except ExchangeError as error:
        return say_error(request, "/invitations", error)
    return notify(request, "/invitations", "success", "The invitation was sent to {email}.", email=made.email)


@router.post("/invitations/{invitation_id}/resend")
async def resend(invitation_id: str, request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Send an invitation again."""
    try:
        made = await calls.resend(context, invitation_id, caller=caller)
    except ExchangeError as error:
        return say_error(request, "/invitations", error)
    return notify(request, "/invitations", "success", "The invitation was sent to {email}.", email=made.email)


@router.post("/invitations/{invitation_id}/revoke")
async def revoke(invitation_id: str, request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Take an invitation back."""
    try:
        await context.database.write(service.revoke, invitation_id, caller=caller, now=context.clock())
    except ExchangeError as error:
        return say_error(request, "/invitations", error)
    return notify(request, "/invitations", "success", "The invitation was revoked.")


async def _shown(
    request: Request,
    context: Context,
    caller: Caller,
    form: Form,
    *,
    before: str | None = None,
    status_code: int = 200,
) -> Response:
    def look(session: Session) -> tuple[list[InvitationRecord], list[CompanyRecord]]:
        rows = service.list_invitations(
            session, caller=caller, before=before, limit=PAGE_LENGTH + 1, now=context.clock()
        )
        return rows, _inviting(session, caller)

    rows, companies = await context.database.read(look)
    following = rows[PAGE_LENGTH - 1].id if len(rows) > PAGE_LENGTH else None
    return page(
        request,
        "invitations/list.html",
        status_code=status_code,
        rows=rows[:PAGE_LENGTH],
        before=before,
        following=following,
        companies=companies,
        form=form,
    )


def _inviting(session: Session, caller: Caller) -> list[CompanyRecord]:
    """Return the accounts that the person may invite to."""
    if Privilege.INVITE in privileges_of(caller.roles):
        return accounts.list_companies(session, active=True, limit=_COMPANIES)
    own = [accounts.get_company(session, one) for one in service.administered(session, caller)]
    return [one for one in own if one.active]
