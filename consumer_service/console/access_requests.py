"""Requests for access at providers: for whom they were submitted, how they stand, and submitting another one."""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import Query, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from consumer_service.audit.schemas import EntityId, FilterText
from consumer_service.connections import service as connections
from consumer_service.connections.schemas import ConnectionView
from consumer_service.console import forms
from consumer_service.console.deps import PAGE_LENGTH, OperatorDep, console_router, page
from consumer_service.console.forms import Form
from consumer_service.context import Context, ContextDep
from consumer_service.directory import service as directory
from consumer_service.directory.domain import Person
from consumer_service.self_service import calls, service
from consumer_service.self_service.service import AccessRequest
from shared.transport.problems import status_of
from shared.wire.errors import ExchangeError, NotFound
from shared.wire.states import ConnectionState

router = console_router()

ATTRIBUTES: Final = ("FirstName", "LastName", "RawWorkPhoneNumber", "RawMobileNumber")
OFFERED: Final = 200
"""Connections and people to choose from; the API takes all of them."""
SENTENCES: Final[Mapping[str, str]] = {
    "connection_id": "Choose a provider.",
    "user_id": "Choose a person.",
}


@router.get("/access-requests")
async def show_access_requests(
    request: Request,
    context: ContextDep,
    _caller: OperatorDep,
    before: Annotated[FilterText, Query()] = None,
) -> Response:
    """Show requests, the newest first."""

    def look(session: Session) -> tuple[list[AccessRequest], dict[str, str]]:
        rows = list(service.page(session, before=before or None, limit=PAGE_LENGTH + 1))
        return rows, _providers(session, {row.connection_id for row in rows})

    rows, providers = await context.database.read(look)
    return page(
        request,
        "access_requests/list.html",
        requests=rows[:PAGE_LENGTH],
        providers=providers,
        following=rows[PAGE_LENGTH - 1].id if len(rows) > PAGE_LENGTH else "",
        before=before,
    )


@router.get("/access-requests/new")
async def show_new_access_request(request: Request, context: ContextDep, _caller: OperatorDep) -> Response:
    """Ask at whom, and for whom."""
    return await _asked(request, context, Form())


@router.post("/access-requests")
async def submit_access_request(request: Request, context: ContextDep, caller: OperatorDep) -> Response:
    """Submit a request, and hand it over at once if the provider answers."""
    form = await forms.read(request)
    missing = {name: said for name, said in SENTENCES.items() if not form.value(name)}
    if missing:
        return await _asked(request, context, Form(form.values, missing), 422)
    given = {name: form.value(name).strip() for name in ATTRIBUTES}
    try:
        made = await context.database.write(
            service.ask,
            connection_id=form.value("connection_id"),
            user_id=form.value("user_id"),
            attributes=given,
            actor=caller.actor,
            now=context.clock(),
        )
    except ExchangeError as error:
        return await _asked(request, context, form.wrong(error), status_of(error))
    await calls.go_on(context, made.id)
    return RedirectResponse(f"/access-requests/{made.id}", status_code=303)


@router.get("/access-requests/{request_id}")
async def show_access_request(
    request_id: EntityId, request: Request, context: ContextDep, _caller: OperatorDep
) -> Response:
    """Show a request and how it stands."""

    def look(session: Session) -> tuple[AccessRequest, dict[str, str]]:
        row = service.get(session, request_id)
        return row, _providers(session, {row.connection_id})

    row, providers = await context.database.read(look)
    return page(
        request,
        "access_requests/page.html",
        found=row,
        provider=providers.get(row.connection_id, row.connection_id),
    )


@router.post("/access-requests/{request_id}/refresh")
async def refresh_access_request(
    request_id: EntityId, request: Request, context: ContextDep, _caller: OperatorDep
) -> Response:
    """Ask the provider now."""
    await calls.go_on(context, request_id)
    return RedirectResponse(f"/access-requests/{request_id}", status_code=303)


async def _asked(request: Request, context: Context, form: Form, status_code: int = 200) -> Response:
    def look(session: Session) -> tuple[list[ConnectionView], list[Person]]:
        found = connections.list_connections(session, limit=OFFERED, now=context.clock())
        active = [one for one in found if one.state == ConnectionState.ACTIVE]
        return active, directory.list_users(session, active=True, limit=OFFERED)

    offered, people = await context.database.read(look)
    return page(request, "access_requests/new.html", status_code=status_code, form=form, offered=offered, people=people)


def _providers(session: Session, connection_ids: set[str]) -> dict[str, str]:
    """Return names of peers by connection; a connection that is gone keeps its id."""
    found: dict[str, str] = {}
    for one in connection_ids:
        try:
            found[one] = connections.get(session, one).peer_name
        except NotFound:
            found[one] = one
    return found
