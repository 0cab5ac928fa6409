"""A lost identity: suspend the connection, and give it other keys by a new invitation."""

from datetime import datetime

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import CompanyContactRecord
from provider_service.connections import service
from provider_service.connections.schemas import ConnectionDetail
from provider_service.console import forms
from provider_service.console.deps import AdminDep, OperatorDep, console_router, notify, page, say_error
from provider_service.console.forms import Form
from provider_service.console.registrations import CHOICES, SENTENCES
from provider_service.context import Context, ContextDep
from provider_service.registrations import service as registrations
from provider_service.registrations.schemas import RekeyingCreate
from shared.transport.problems import status_of
from shared.wire.errors import Conflict, Invalid
from shared.wire.version import REGISTRATION_TOKEN_HOURS

router = console_router()


@router.get("/connections/{connection_id}/suspend")
async def ask_to_suspend(connection_id: str, request: Request, context: ContextDep, _caller: OperatorDep) -> Response:
    """Say what suspending means, and ask whether the peer has lost its identity."""
    found = await context.database.read(service.detail, connection_id=connection_id, now=context.clock())
    return page(request, "connections/suspend.html", connection=found, form=Form.of(identity_lost="on"))


@router.post("/connections/{connection_id}/suspend")
async def suspend(connection_id: str, request: Request, context: ContextDep, caller: OperatorDep) -> Response:
    """Let nothing cross until the connection is re-keyed."""
    form = await forms.read(request)
    where = f"/connections/{connection_id}"

    def act(session: Session, now: datetime) -> None:
        service.suspend(
            session,
            connection_id=connection_id,
            reason=form.value("reason").strip()[:500],
            identity_lost=form.has("identity_lost"),
            actor=caller.actor,
            now=now,
        )

    try:
        await context.database.write(act, context.clock())
    except Conflict as error:
        return say_error(request, where, error)
    return notify(request, where, "success", "The connection is suspended. Messages wait until it is re-keyed.")


@router.get("/connections/{connection_id}/rekey")
async def ask_to_rekey(connection_id: str, request: Request, context: ContextDep, _caller: AdminDep) -> Response:
    """Ask for the contact who is to compare the code and allow it."""
    return await _asked(connection_id, request, context, Form.of(token_hours=REGISTRATION_TOKEN_HOURS))


@router.post("/connections/{connection_id}/rekey")
async def open_rekeying(connection_id: str, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Open the task that gives the connection other keys."""
    form = await forms.read(request)

    def work(session: Session, now: datetime) -> str:
        body = forms.checked(RekeyingCreate, form, "contact_id", "token_hours", connection_id=connection_id)
        return registrations.create_rekeying(session, body=body, actor=caller.actor, now=now).number

    try:
        number = await context.database.write(work, context.clock())
    except (Invalid, Conflict) as error:
        return await _asked(connection_id, request, context, form.wrong(error, SENTENCES), status_of(error))
    return RedirectResponse(f"/registrations/{number}", status_code=303)


async def _asked(connection_id: str, request: Request, context: Context, form: Form, status: int = 200) -> Response:
    found, contacts = await context.database.read(_choices, connection_id, context.clock())
    return page(request, "connections/rekey.html", status_code=status, connection=found, contacts=contacts, form=form)


def _choices(
    session: Session, connection_id: str, now: datetime
) -> tuple[ConnectionDetail, list[CompanyContactRecord]]:
    found = service.detail(session, connection_id=connection_id, now=now)
    contacts = accounts.list_company_contacts(session, found.company_id, limit=CHOICES)
    return found, [contact for contact in contacts if contact.active]
