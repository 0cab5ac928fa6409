"""People with access: who holds which role for which account, suspending them, and making administrators."""

from typing import Annotated

from fastapi import Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import CompanyContactRecord
from provider_service.console import forms
from provider_service.console.deps import PAGE_LENGTH, AnyoneDep, console_router, notify, page, say_error
from provider_service.context import ContextDep
from provider_service.directory.domain import Caller
from provider_service.self_service import calls, service
from provider_service.self_service.domain import Privilege, RoleRecord, privileges_of
from shared.wire.errors import ExchangeError

router = console_router()

Row = tuple[RoleRecord, CompanyContactRecord | None, str, bool]
"""A role, its holder at the account, the holder's name, and whether the holder can still be made administrator."""


@router.get("/people")
async def show_people(
    request: Request, context: ContextDep, caller: AnyoneDep, after: Annotated[str | None, Query(max_length=36)] = None
) -> Response:
    """Show the roles the person may see."""

    def look(session: Session) -> list[Row]:
        rows = service.list_roles(session, caller=caller, after=after, limit=PAGE_LENGTH + 1)
        return [_row(session, one, caller) for one in rows]

    staff = Privilege.READ in privileges_of(caller.roles)
    untold = await context.database.read(service.list_syncs, caller=caller) if staff else []
    rows = await context.database.read(look)
    following = rows[PAGE_LENGTH - 1][0].id if len(rows) > PAGE_LENGTH else None
    return page(request, "people/list.html", rows=rows[:PAGE_LENGTH], after=after, following=following, untold=untold)


@router.post("/people")
async def change(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Do what the button says with the holder of a role."""
    form = await forms.read(request)
    company_id, contact_id = form.value("company_id"), form.value("contact_id")
    try:
        if form.value("do") == "administrator":
            await calls.grant_role(context, company_id, contact_id, administrator=True, caller=caller)
        elif form.value("do") == "revoke":
            await calls.revoke_role(context, form.value("role_id"), caller=caller)
        else:
            await context.database.write(
                service.suspend,
                company_id,
                contact_id,
                suspended=form.value("do") == "suspend",
                caller=caller,
                now=context.clock(),
            )
    except ExchangeError as error:
        return say_error(request, "/people", error)
    return notify(request, "/people", "success", "The change was saved.")


def _row(session: Session, role: RoleRecord, caller: Caller) -> Row:
    contact = accounts.find_contact(session, role.contact_id)
    name = contact.name if contact else role.contact_id
    if role.company_id is None:
        return role, None, name, False
    tie = accounts.find_company_contact(session, role.company_id, role.contact_id)
    held = service.list_roles(session, caller=caller, company_id=role.company_id, contact_id=role.contact_id)
    return role, tie, name, tie is not None and not any(one.administrator for one in held)
