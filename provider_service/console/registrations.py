"""Registration tasks: the list, and opening a new one."""

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import CompanyContactRecord, CompanyRecord
from provider_service.console import forms
from provider_service.console.deps import PAGE_LENGTH, AdminDep, ReaderDep, console_router, page
from provider_service.console.forms import Form
from provider_service.context import Context, ContextDep
from provider_service.registrations import service
from provider_service.registrations.schemas import RegistrationCreate, RegistrationView
from shared.transport.problems import status_of
from shared.wire.errors import Conflict, Invalid
from shared.wire.states import RegistrationState
from shared.wire.version import REGISTRATION_TOKEN_HOURS

router = console_router()

CHOICES = 200
"""Companies and contacts offered in a form, at most."""

SENTENCES = {
    "company_id": "Choose a company.",
    "contact_id": "Choose one of the company's contacts.",
    "consumer_url": "Enter the address of the consumer's instance, like https://desk.customer.example.",
    "environment": "Enter at most 40 characters.",
    "token_hours": "Enter a number of hours from 1 to 720.",
}


@router.get("/registrations")
async def show_registrations(
    request: Request,
    context: ContextDep,
    _caller: ReaderDep,
    state: Annotated[RegistrationState | None, Query()] = None,
    before: Annotated[int | None, Query(ge=0, le=2**31 - 1)] = None,
) -> Response:
    """Show registration tasks, the newest first."""

    def look(session: Session, now: datetime) -> tuple[list[RegistrationView], int | None]:
        rows = service.page(session, before=before, limit=PAGE_LENGTH + 1, state=state, company_id=None)
        shown = rows[:PAGE_LENGTH]
        following = shown[-1].serial if len(rows) > PAGE_LENGTH else None
        return [service.view(session, row, now) for row in shown], following

    tasks, following = await context.database.read(look, context.clock())
    return page(
        request,
        "registrations/list.html",
        tasks=tasks,
        following=following,
        before=before,
        state=state,
        states=list(RegistrationState),
    )


@router.get("/registrations/new")
async def show_new_registration(
    request: Request, context: ContextDep, _caller: AdminDep, company_id: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """Ask for the company, then for its contact and the consumer's address."""
    return await _asked(request, context, Form.of(company_id=company_id, token_hours=REGISTRATION_TOKEN_HOURS))


@router.post("/registrations")
async def open_registration(request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Open a registration task; the pre-onboarding scan follows in the background."""
    form = await forms.read(request)
    names = ("company_id", "contact_id", "consumer_url", "environment", "token_hours")

    def work(session: Session, now: datetime) -> str:
        body = forms.checked(RegistrationCreate, form, *names)
        loopback = context.settings.environment == "development"
        return service.create(session, body=body, actor=caller.actor, loopback=loopback, now=now).number

    try:
        number = await context.database.write(work, context.clock())
    except (Invalid, Conflict) as error:
        field = {"issuer_invalid": "consumer_url", "contact_of_other_company": "contact_id"}.get(error.code, "")
        wrong = form.wrong_at(field, SENTENCES[field]) if field else form.wrong(error, SENTENCES)
        return await _asked(request, context, wrong, status_of(error))
    return RedirectResponse(f"/registrations/{number}", status_code=303)


async def _asked(request: Request, context: Context, form: Form, status: int = 200) -> Response:
    companies, contacts, company = await context.database.read(_choices, form.value("company_id"))
    return page(
        request,
        "registrations/new.html",
        status_code=status,
        form=form,
        companies=companies,
        contacts=contacts,
        company=company,
    )


def _choices(
    session: Session, company_id: str
) -> tuple[list[CompanyRecord], list[CompanyContactRecord], CompanyRecord | None]:
    """Return the companies, and of the chosen one (the only one there is counts as chosen) the contacts."""
    companies = accounts.list_companies(session, active=True, limit=CHOICES)
    company = next((one for one in companies if one.id == company_id), companies[0] if len(companies) == 1 else None)
    contacts = accounts.list_company_contacts(session, company.id, limit=CHOICES) if company else []
    return companies, [contact for contact in contacts if contact.active], company
