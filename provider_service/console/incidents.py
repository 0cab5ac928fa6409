"""Incidents: what both sides hold a copy of, what was said about them, and over which connections they travel."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from provider_service.audit.schemas import EntityId, FilterText
from provider_service.connections import service as connections
from provider_service.connections.schemas import ConnectionView
from provider_service.console import forms
from provider_service.console.deps import (
    PAGE_LENGTH,
    OperatorDep,
    ReaderDep,
    console_router,
    notify,
    page,
    say_error,
)
from provider_service.console.forms import Form
from provider_service.context import Context, ContextDep
from provider_service.directory.domain import Caller
from provider_service.records import service
from provider_service.records.schemas import BondView, CommentCreate, CommentView, IncidentView
from shared.transport.problems import status_of
from shared.wire.errors import Conflict, Forbidden, Invalid, NotFound
from shared.wire.states import ConnectionState, Role

router = console_router()

SENTENCES = {"kind": "Choose who is to read it.", "text": "Enter at most 8000 characters."}
BONDS_SHOWN = 100
"""More than an incident has peers; the API shows them all."""
CONNECTIONS_SHOWN = 100
"""The newest, to choose from."""
LOCAL = "local"
"""Origin of an incident that was made here."""

Act = Callable[[Session, datetime], object]
Peers = dict[str, str]
"""Connection to the name of its peer."""


@router.get("/incidents")
async def show_incidents(
    *,
    request: Request,
    context: ContextDep,
    _caller: ReaderDep,
    number: Annotated[FilterText, Query()] = None,
    state: Annotated[FilterText, Query()] = None,
    connection_id: Annotated[FilterText, Query()] = None,
    before: Annotated[FilterText, Query()] = None,
) -> Response:
    """Show incidents, the newest first."""
    given = {"number": number, "state": state, "connection_id": connection_id}
    filters = {name: value.strip() if value else None for name, value in given.items()}

    def look(session: Session) -> tuple[Sequence[IncidentView], Peers, Sequence[ConnectionView]]:
        wanted = {name: value or None for name, value in filters.items()}
        rows = service.incidents(session, before=before or None, limit=PAGE_LENGTH + 1, **wanted)
        shown = [service.incident_view(row) for row in rows]
        return (
            shown,
            _peers(session, [row.origin for row in shown]),
            connections.list_connections(session, limit=CONNECTIONS_SHOWN, now=context.clock()),
        )

    rows, peers, offered = await context.database.read(look)
    kept = {name: value for name, value in filters.items() if value}
    following = urlencode({**kept, "before": rows[PAGE_LENGTH - 1].id}) if len(rows) > PAGE_LENGTH else ""
    return page(
        request,
        "incidents/list.html",
        incidents=rows[:PAGE_LENGTH],
        peers=peers,
        offered=offered,
        filters=kept,
        following=following,
        first="?" + urlencode(kept) if before else "",
    )


@router.get("/incidents/{incident_id}")
async def show_incident(incident_id: EntityId, request: Request, context: ContextDep, caller: ReaderDep) -> Response:
    """Show one incident with its comments and bonds."""
    return await _shown(incident_id, request, context, caller, Form.of(kind="comment"))


@router.post("/incidents/{incident_id}/comments")
async def add_comment(incident_id: EntityId, request: Request, context: ContextDep, caller: OperatorDep) -> Response:
    """Add a comment, which travels over every bond, or a work note, which stays."""
    form = await forms.read(request)

    def act(session: Session, now: datetime) -> None:
        wanted = forms.checked(CommentCreate, form, "kind", "text")
        service.add_comment(
            session, incident_id=incident_id, kind=wanted.kind, text=wanted.text, actor=caller.actor, now=now
        )

    try:
        await context.database.write(act, context.clock())
    except Invalid as error:
        wrong = form.wrong(error, SENTENCES)
        return await _shown(incident_id, request, context, caller, wrong, status_of(error))
    return notify(request, f"/incidents/{incident_id}", "success", "It was written down.")


@router.post("/incidents/{incident_id}/bonds")
async def share(incident_id: EntityId, request: Request, context: ContextDep, caller: OperatorDep) -> Response:
    """Share the incident over a connection."""
    connection_id = (await forms.read(request)).value("connection_id")

    def act(session: Session, now: datetime) -> object:
        return service.share(session, incident_id=incident_id, connection_id=connection_id, actor=caller.actor, now=now)

    return await _done(request, context, incident_id, act, "The incident is shared; its copy is on its way.")


@router.post("/incidents/{incident_id}/bonds/{bond_id}/disconnect")
async def disconnect(
    incident_id: EntityId, bond_id: EntityId, request: Request, context: ContextDep, caller: OperatorDep
) -> Response:
    """Stop sending changes over a bond."""

    def act(session: Session, now: datetime) -> object:
        return service.disconnect(session, bond_id=bond_id, actor=caller.actor, now=now)

    return await _done(request, context, incident_id, act, "Changes are noted from now on, and sent when reconnected.")


@router.post("/incidents/{incident_id}/bonds/{bond_id}/reconnect")
async def reconnect(
    incident_id: EntityId, bond_id: EntityId, request: Request, context: ContextDep, caller: OperatorDep
) -> Response:
    """Send changes again, beginning with those made meanwhile."""

    def act(session: Session, now: datetime) -> object:
        return service.reconnect(session, bond_id=bond_id, actor=caller.actor, now=now)

    return await _done(request, context, incident_id, act, "Changes travel again, beginning with those made meanwhile.")


async def _shown(
    incident_id: str, request: Request, context: Context, caller: Caller, form: Form, status_code: int = 200
) -> Response:
    found = await context.database.read(_look, incident_id, context.clock())
    operator = not caller.roles.isdisjoint({Role.ADMIN, Role.SN_SB_ADMIN})
    return page(request, "incidents/page.html", status_code=status_code, **found, operator=operator, form=form)


def _look(session: Session, incident_id: str, now: datetime) -> dict[str, Any]:
    incident = service.incident_view(service.get_incident(session, incident_id))
    said: list[CommentView] = service.comments(session, incident_id)
    rows = service.bonds(
        session, before=None, limit=BONDS_SHOWN, connection_id=None, incident_id=incident_id, state=None
    )
    bonds: list[BondView] = [service.bond_view(row) for row in rows]
    return {
        "incident": incident,
        "comments": said,
        "bonds": bonds,
        "peers": _peers(session, [incident.origin, *(bond.connection_id for bond in bonds)]),
        "open_peers": _open_peers(session, incident, bonds, now),
    }


def _peers(session: Session, connection_ids: Iterable[str]) -> Peers:
    return {one: connections.get(session, one).peer_name for one in set(connection_ids) if one != LOCAL}


def _open_peers(
    session: Session, incident: IncidentView, bonds: Sequence[BondView], now: datetime
) -> list[tuple[str, str]]:
    """Return (id, peer) of the connections the incident may still be shared over."""
    bound = {bond.connection_id for bond in bonds}
    active = connections.list_connections(
        session, states=[ConnectionState.ACTIVE], company_id=incident.company_id, limit=CONNECTIONS_SHOWN, now=now
    )
    return [(row.id, row.peer_name) for row in active if row.id not in bound]


async def _done(request: Request, context: Context, incident_id: str, act: Act, sentence: str) -> Response:
    where = f"/incidents/{incident_id}"
    try:
        await context.database.write(act, context.clock())
    except (Conflict, Forbidden, Invalid, NotFound) as error:
        return say_error(request, where, error)
    return notify(request, where, "success", sentence)
