"""Companies and their contacts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from provider_service.accounts import service
from provider_service.accounts.deps import AccountHooksDep
from provider_service.accounts.domain import (
    AttributeRecord,
    AttributeType,
    CompanyContactRecord,
    CompanyRecord,
    DeclaredFor,
)
from provider_service.accounts.schemas import CompanyContactCreate, CompanyWrite
from provider_service.console import forms
from provider_service.console.deps import (
    PAGE_LENGTH,
    OperatorDep,
    ReaderDep,
    console_router,
    name_of_instance,
    notify,
    page,
    say_error,
)
from provider_service.console.forms import Form
from provider_service.context import Context, ContextDep
from provider_service.registrations import service as registrations
from provider_service.registrations.schemas import RegistrationView
from shared.transport.problems import status_of
from shared.wire.errors import Conflict, ExchangeError, Invalid, NotFound
from shared.wire.states import Role

router = console_router()

CONTACTS = 200
"""Contacts shown of one company, at most."""

_ATTRIBUTES = "/attributes/"
_Look = tuple[CompanyRecord, list[CompanyContactRecord], list[tuple[str, str]], list[RegistrationView]]

SENTENCES = {
    "name": "Enter a name of at most 200 characters.",
    "external_key": "Enter at most 200 characters, or nothing.",
    "domains": "Enter mail domains like example.com, separated by blanks.",
    "parent_id": "Choose another company.",
    "verified_domains": "Enter domains that stand among the mail domains.",
    "email": "Enter an e-mail address like name@example.com.",
    "language": "Choose a language.",
}


@router.get("/companies")
async def show_companies(
    request: Request, context: ContextDep, caller: ReaderDep, after: Annotated[str | None, Query(max_length=36)] = None
) -> Response:
    """Show companies in the order they were made."""
    rows = await context.database.read(service.list_companies, caller=caller, after=after, limit=PAGE_LENGTH + 1)
    following = rows[PAGE_LENGTH - 1].id if len(rows) > PAGE_LENGTH else None
    operator = not caller.roles.isdisjoint({Role.ADMIN, Role.SN_SB_ADMIN})
    return page(
        request,
        "companies/list.html",
        companies=rows[:PAGE_LENGTH],
        following=following,
        after=after,
        operator=operator,
    )


@router.get("/companies/new")
async def show_new_company(request: Request, context: ContextDep, _caller: OperatorDep) -> Response:
    """Ask for a company."""
    return await _asked(request, context, Form.of(active="on"), None)


@router.post("/companies")
async def create_company(request: Request, context: ContextDep, caller: OperatorDep) -> Response:
    """Make a company."""
    form = await forms.read(request)

    def work(session: Session, now: datetime) -> CompanyRecord:
        wanted = _written(session, form, active=True)
        return service.create_company(session, wanted.facts(), actor=caller.actor, now=now)

    try:
        made = await context.database.write(work, context.clock())
    except (Invalid, Conflict, NotFound) as error:
        return await _asked(request, context, _wrong(form, error), None, status_of(error))
    return RedirectResponse(f"/companies/{made.id}", status_code=303)


@router.get("/companies/{company_id}")
async def show_company(company_id: str, request: Request, context: ContextDep, caller: ReaderDep) -> Response:
    """Show a company, its contacts and its registrations."""

    def look(session: Session, now: datetime) -> _Look:
        company = service.get_company(session, company_id, caller=caller)
        contacts = service.list_company_contacts(session, company_id, caller=caller, limit=CONTACTS)
        tasks = registrations.page(session, before=None, limit=10, state=None, company_id=company_id)
        labels = {one.code: one.label for one in service.list_attributes(session, DeclaredFor.COMPANY)}
        attributes = [(labels[code], _spelled(value)) for code, value in company.attributes.items()]
        return company, contacts, attributes, [registrations.view(session, task, now) for task in tasks]

    company, contacts, attributes, tasks = await context.database.read(look, context.clock())
    return page(
        request,
        "companies/page.html",
        company=company,
        contacts=contacts,
        attributes=attributes,
        tasks=tasks,
        operator=not caller.roles.isdisjoint({Role.ADMIN, Role.SN_SB_ADMIN}),
        admin=Role.ADMIN in caller.roles,
        consumer_role=Role.SN_SB_PRO_CONSUMER,
    )


@router.get("/companies/{company_id}/edit")
async def show_edit(company_id: str, request: Request, context: ContextDep, _caller: OperatorDep) -> Response:
    """Ask what to change of a company."""
    company = await context.database.read(service.get_company, company_id)
    form = Form.of(
        name=company.name,
        external_key=company.external_key,
        domains=" ".join(company.domains),
        parent_id=company.parent_id,
        active="on" if company.active else None,
        verified_domains=" ".join(company.verified_domains),
        key_secret="on" if company.key_secret else None,
        **{code: _spelled(value) for code, value in company.attributes.items()},
    )
    return await _asked(request, context, form, company)


@router.post("/companies/{company_id}/edit")
async def change_company(company_id: str, request: Request, context: ContextDep, caller: OperatorDep) -> Response:
    """Change a company, or deactivate it, which keeps its contacts from acting."""
    form = await forms.read(request)

    def work(session: Session, now: datetime) -> CompanyRecord:
        facts = _written(session, form, active=form.has("active")).facts()
        return service.update_company(session, company_id, change=lambda _: facts, actor=caller.actor, now=now)

    try:
        await context.database.write(work, context.clock())
    except (Invalid, Conflict, NotFound) as error:
        company = await context.database.read(service.get_company, company_id)
        return await _asked(request, context, _wrong(form, error), company, status_of(error))
    return notify(request, f"/companies/{company_id}", "success", "The company was saved.")


@router.get("/companies/{company_id}/contacts/new")
async def show_new_contact(company_id: str, request: Request, context: ContextDep, _caller: OperatorDep) -> Response:
    """Ask for a contact."""
    company = await context.database.read(service.get_company, company_id)
    form = Form.of(language="en", grant_consumer_role="on", send_welcome="on")
    return page(request, "companies/contact.html", company=company, form=form)


@router.post("/companies/{company_id}/contacts")
async def create_contact(company_id: str, request: Request, context: ContextDep, caller: OperatorDep) -> Response:
    """Make a person the company's contact; one without a password gets a mail to set one, if asked for."""
    form = await forms.read(request)

    def work(session: Session, now: datetime) -> CompanyContactRecord:
        ticked = {name: form.has(name) for name in ("grant_consumer_role", "send_welcome")}
        wanted = forms.checked(CompanyContactCreate, form, "email", "name", "language", **ticked)
        return service.create_company_contact(
            session,
            company_id,
            **wanted.model_dump(exclude={"send_welcome"}),
            welcome_from=name_of_instance(session, context) if wanted.send_welcome else None,
            actor=caller.actor,
            now=now,
        )

    try:
        made = await context.database.write(work, context.clock())
    except (Invalid, Conflict) as error:
        company = await context.database.read(service.get_company, company_id)
        wrong = form.wrong(error, SENTENCES)
        return page(request, "companies/contact.html", status_code=status_of(error), company=company, form=wrong)
    return notify(request, f"/companies/{company_id}", "success", "{name} is a contact now.", name=made.name)


@router.post("/companies/{company_id}/contacts/{contact_id}")
async def switch_contact(
    company_id: str, contact_id: str, request: Request, context: ContextDep, hooks: AccountHooksDep, caller: OperatorDep
) -> Response:
    """Switch a contact on or off."""
    form = await forms.read(request)
    wanted = form.value("enabled") == "yes"
    now = context.clock()
    try:
        contact = await context.database.write(
            service.set_company_contact_enabled,
            company_id,
            contact_id,
            change=lambda _: wanted,
            hooks=hooks,
            caller=caller,
            now=now,
        )
    except Conflict as error:
        return say_error(request, f"/companies/{company_id}", error)
    sentence = "{name} may act again." if wanted else "{name} may no longer act."
    return notify(request, f"/companies/{company_id}", "success", sentence, name=contact.name)


def _written(session: Session, form: Form, *, active: bool) -> CompanyWrite:
    lists = {name: form.value(name).replace(",", " ").split() for name in ("domains", "verified_domains")}
    ticked = {"active": active, "key_secret": form.has("key_secret")}
    declared = service.list_attributes(session, DeclaredFor.COMPANY)
    given = {one.code: _read(one.type, form.value(one.code).strip()) for one in declared}
    attributes = {code: value for code, value in given.items() if value is not None}
    others = {name: form.value(name).strip() or None for name in ("external_key", "parent_id")}
    return forms.checked(CompanyWrite, form, "name", attributes=attributes, **lists, **ticked, **others)


def _wrong(form: Form, error: ExchangeError) -> Form:
    """Return the form with what is wrong, that of a declared attribute at its own field."""
    found = {fault.pointer.removeprefix(_ATTRIBUTES): fault.detail for fault in error.errors}
    if error.code in {"attribute_invalid", "attribute_taken"} and found:
        return replace(form, errors=found)
    return form.wrong(error, SENTENCES)


def _read(type_: AttributeType, text: str) -> object:
    """Return what was typed as a value of the type; what is none stays text, which the use case refuses by name."""
    if type_ is AttributeType.BOOLEAN:
        return {"": None, "true": True, "false": False}.get(text, text)
    if type_ is AttributeType.NUMBER and text:
        try:
            return float(text) if "." in text else int(text)
        except ValueError:
            return text
    return text or None


def _spelled(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _asked(
    request: Request, context: Context, form: Form, company: CompanyRecord | None, status: int = 200
) -> Response:
    def look(session: Session) -> tuple[list[CompanyRecord], Sequence[AttributeRecord]]:
        declared = service.list_attributes(session, DeclaredFor.COMPANY)
        return service.list_companies(session, limit=CONTACTS), declared

    others, declared = await context.database.read(look)
    parents = [(one.id, one.name) for one in others if company is None or one.id != company.id]
    return page(
        request,
        "companies/form.html",
        status_code=status,
        form=form,
        company=company,
        parents=parents,
        declared=declared,
    )
