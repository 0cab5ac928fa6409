"""One registration task: its state, its steps as they go on, its link, its mail, what was said about it."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import Path, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from provider_service.accounts import service as accounts
from provider_service.console import forms, onboarding
from provider_service.console.deps import AdminDep, ReaderDep, console_router, fragment, notify, page, say_error
from provider_service.console.forms import Form
from provider_service.context import Context, ContextDep
from provider_service.directory.domain import Caller
from provider_service.handshakes import service as handshakes
from provider_service.registrations import service
from provider_service.registrations.schemas import EntryCreate, RegistrationPatch
from shared.transport.problems import status_of
from shared.wire.errors import Conflict, ExchangeError, Invalid
from shared.wire.states import Role

router = console_router()

NumberPath = Annotated[str, Path(pattern=r"^REG\d{7,10}$")]
Act = Callable[[Session, datetime], object]

SENTENCES = {
    "text": "Write something, up to 8000 characters.",
    "contact_id": "Choose one of the company's contacts.",
    "consumer_url": "Enter the address of the consumer's instance, like https://desk.customer.example.",
    "environment": "Enter at most 40 characters.",
    "token_hours": "Enter a number of hours from 1 to 720.",
}


@router.get("/registrations/{number}")
async def show_registration(number: NumberPath, request: Request, context: ContextDep, caller: ReaderDep) -> Response:
    """Show one task."""
    return await _shown(number, request, context, caller, Form())


@router.get("/registrations/{number}/progress")
async def show_progress(number: NumberPath, request: Request, context: ContextDep, caller: ReaderDep) -> Response:
    """Answer with the part of the page that moves by itself."""
    task, story = await context.database.read(_look, number, context.clock())
    admin = Role.ADMIN in caller.roles
    return fragment(request, "registration/progress.html", task=task, story=story, admin=admin)


@router.get("/registrations/{number}/contact")
async def show_contact(number: NumberPath, context: ContextDep, _caller: ReaderDep) -> Response:
    """Lead to the person who is the task's contact, where roles are given."""

    def find(session: Session) -> str:
        task = service.get(session, number)
        contact = accounts.find_company_contact(session, task.company_id, task.contact_id)
        user_id = contact.user_id if contact else None
        return f"/users/{user_id}" if user_id else f"/companies/{task.company_id}"

    return RedirectResponse(await context.database.read(find), status_code=303)


@router.post("/registrations/{number}/entries")
async def add_entry(number: NumberPath, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Write a comment or a work note."""
    form = await forms.read(request)
    try:
        body = forms.checked(EntryCreate, form, "kind", "text")
    except Invalid as error:
        return await _shown(number, request, context, caller, form.wrong(error, SENTENCES), 422)
    now = context.clock()
    await context.database.write(
        service.write_entry, number=number, kind=body.kind, text=body.text, actor=caller.actor, now=now
    )
    return RedirectResponse(f"/registrations/{number}#entries", status_code=303)


@router.post("/registrations/{number}/validation")
async def check_again(number: NumberPath, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Ask for the pre-onboarding scan now."""

    def act(session: Session, now: datetime) -> object:
        return service.validate(session, number=number, actor=caller.actor, now=now)

    return await _done(number, request, context, act, "The checks run again now.")


@router.post("/registrations/{number}/link")
async def copy_link(number: NumberPath, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Show the link, once; that it was shown is audited."""
    now = context.clock()
    try:
        link = await context.database.write(
            service.copy_link, number=number, masters=context.masters, actor=caller.actor, now=now
        )
    except Conflict as error:
        return say_error(request, f"/registrations/{number}", error)
    task = await context.database.read(onboarding.look, number, now)
    return page(request, "registration/link.html", link=link, task=task)


@router.post("/registrations/{number}/reissue")
async def reissue_link(number: NumberPath, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Issue a new link; an earlier one is void from then on."""

    def act(session: Session, now: datetime) -> object:
        return service.invite(session, number=number, masters=context.masters, actor=caller.actor, now=now)

    return await _done(number, request, context, act, "A new link was issued. Earlier ones no longer work.")


@router.post("/registrations/{number}/resend")
async def resend_mail(number: NumberPath, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Send the mail with the present link once more."""

    def act(session: Session, now: datetime) -> object:
        return service.resend(session, number=number, actor=caller.actor, now=now)

    return await _done(number, request, context, act, "The mail is on its way again.")


@router.post("/registrations/{number}/revoke")
async def revoke_link(number: NumberPath, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Void the link."""

    def act(session: Session, now: datetime) -> object:
        return service.revoke(session, number=number, actor=caller.actor, now=now)

    return await _done(number, request, context, act, "The link was revoked.")


@router.post("/registrations/{number}/reset")
async def reset_handshake(number: NumberPath, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Put the handshake back to its start; the link works again until it expires."""

    def act(session: Session, now: datetime) -> None:
        handshakes.reset(session, number=number, actor=caller.actor, why="by the operator", now=now)

    return await _done(number, request, context, act, "The consumer can begin again with the same link.")


@router.get("/registrations/{number}/cancel")
async def ask_to_cancel(number: NumberPath, request: Request, context: ContextDep, _caller: AdminDep) -> Response:
    """Ask whether to cancel."""
    task = await context.database.read(onboarding.look, number, context.clock())
    return page(request, "registration/cancel.html", task=task)


@router.post("/registrations/{number}/cancel")
async def cancel(number: NumberPath, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Close the task incomplete; a consumer that has announced itself is told."""
    form = await forms.read(request)

    def act(session: Session, now: datetime) -> None:
        reason = form.value("reason").strip()[:500]
        handshakes.cancel(session, number=number, reason=reason, actor=caller.actor, now=now)

    return await _done(number, request, context, act, "The registration was cancelled.")


@router.post("/registrations/{number}/copies")
async def start_again(number: NumberPath, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Copy a closed task into a new one."""
    loopback = context.settings.environment == "development"

    def work(session: Session, now: datetime) -> str:
        return service.start_again(session, number=number, actor=caller.actor, loopback=loopback, now=now).number

    try:
        copied = await context.database.write(work, context.clock())
    except (Conflict, Invalid) as error:
        return say_error(request, f"/registrations/{number}", error)
    return notify(request, f"/registrations/{copied}", "success", "{number} was copied into this task.", number=number)


@router.get("/registrations/{number}/edit")
async def show_edit(number: NumberPath, request: Request, context: ContextDep, _caller: AdminDep) -> Response:
    """Ask what to change before the consumer has announced itself."""

    def present(session: Session, now: datetime) -> Form:
        task = service.view(session, service.get(session, number), now)  # whose contact may have been merged since
        return Form.of(**{name: getattr(task, name) for name in RegistrationPatch.model_fields})

    return await _edited(number, request, context, await context.database.read(present, context.clock()))


@router.post("/registrations/{number}/edit")
async def edit(number: NumberPath, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Change contact, address, environment or life of the link."""
    form = await forms.read(request)
    loopback = context.settings.environment == "development"

    def work(session: Session, now: datetime) -> object:
        body = forms.checked(RegistrationPatch, form, *RegistrationPatch.model_fields)
        return service.edit(session, number=number, body=body, actor=caller.actor, loopback=loopback, now=now)

    try:
        await context.database.write(work, context.clock())
    except (Invalid, Conflict) as error:
        return await _edited(number, request, context, form.wrong(error, SENTENCES), status_of(error))
    return notify(request, f"/registrations/{number}", "success", "The registration was saved.")


def _look(session: Session, number: str, now: datetime) -> tuple[onboarding.Onboarding, onboarding.Story]:
    return onboarding.look(session, number, now), onboarding.story(session, number)


async def _edited(number: str, request: Request, context: Context, form: Form, status: int = 200) -> Response:
    task = await context.database.read(onboarding.look, number, context.clock())
    contacts = await context.database.read(accounts.list_company_contacts, task.view.company_id, limit=200)
    return page(request, "registration/edit.html", status_code=status, task=task, form=form, contacts=contacts)


async def _shown(
    number: str, request: Request, context: Context, caller: Caller, entry: Form, status: int = 200
) -> Response:
    task, story = await context.database.read(_look, number, context.clock())
    admin = Role.ADMIN in caller.roles
    return page(request, "registration/page.html", status_code=status, task=task, story=story, entry=entry, admin=admin)


async def _done(number: str, request: Request, context: Context, act: Act, sentence: str) -> Response:
    """Carry out one step on a task and go back to it with a word about it."""
    try:
        await context.database.write(act, context.clock())
    except ExchangeError as error:
        if status_of(error) not in {400, 409, 422}:
            raise
        return say_error(request, f"/registrations/{number}", error)
    return notify(request, f"/registrations/{number}", "success", sentence)
