"""Connections: how each direction does, and what an operator can do about it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from consumer_service.connections import calls, service
from consumer_service.connections.deps import ConnectionHooksDep
from consumer_service.connections.schemas import ConnectionDetail, ConnectionView
from consumer_service.console import beats, forms
from consumer_service.console.deps import (
    PAGE_LENGTH,
    OperatorDep,
    ReaderDep,
    console_router,
    fragment,
    notify,
    page,
    say_error,
)
from consumer_service.console.forms import Form
from consumer_service.context import Context, ContextDep
from consumer_service.directory.domain import Caller
from shared.interface.languages import Told
from shared.wire.errors import Conflict
from shared.wire.states import ConnectionState, Role

router = console_router()

VIEWS: Final[Mapping[str, Sequence[ConnectionState]]] = {
    "standing": [state for state in ConnectionState if state is not ConnectionState.CLOSED],
    "closed": [ConnectionState.CLOSED],
    "all": [],
}
Act = Callable[[Session, datetime], object]


@router.get("/connections")
async def show_connections(
    request: Request,
    context: ContextDep,
    _caller: ReaderDep,
    show: Annotated[str, Query(pattern="^(standing|closed|all)$")] = "standing",
    before: Annotated[str | None, Query(max_length=36)] = None,
) -> Response:
    """Show connections and how they do, the newest first."""

    def look(session: Session, now: datetime) -> list[ConnectionView]:
        return service.list_connections(session, states=VIEWS[show], before=before, limit=PAGE_LENGTH + 1, now=now)

    rows = await context.database.read(look, context.clock())
    following = rows[PAGE_LENGTH - 1].id if len(rows) > PAGE_LENGTH else None
    return page(
        request,
        "connections/list.html",
        connections=rows[:PAGE_LENGTH],
        following=following,
        before=before,
        show=show,
    )


@router.get("/connections/{connection_id}")
async def show_connection(connection_id: str, request: Request, context: ContextDep, caller: ReaderDep) -> Response:
    """Show one connection: its peer, its figures, its last 24 hours."""
    found = await context.database.read(_look, connection_id, context.clock())
    return page(request, "connections/page.html", **_parts(found, caller, context.clock()))


@router.get("/connections/{connection_id}/figures")
async def show_figures(connection_id: str, request: Request, context: ContextDep, caller: ReaderDep) -> Response:
    """Answer with the part of the page that moves by itself."""
    found = await context.database.read(_look, connection_id, context.clock())
    return fragment(request, "connections/figures.html", **_parts(found, caller, context.clock()))


@router.post("/connections/{connection_id}/pause")
async def pause(connection_id: str, request: Request, context: ContextDep, caller: OperatorDep) -> Response:
    """Keep messages from crossing; queues keep."""

    def act(session: Session, now: datetime) -> object:
        return service.pause(session, connection_id=connection_id, actor=caller.actor, now=now)

    return await _done(connection_id, request, context, act, "The connection is paused. Messages wait.")


@router.post("/connections/{connection_id}/resume")
async def resume(connection_id: str, request: Request, context: ContextDep, caller: OperatorDep) -> Response:
    """Let messages cross again."""

    def act(session: Session, now: datetime) -> object:
        return service.resume(session, connection_id=connection_id, actor=caller.actor, now=now)

    return await _done(connection_id, request, context, act, "The connection goes on.")


@router.post("/connections/{connection_id}/history/{decision}")
async def decide_history(
    connection_id: str,
    decision: Literal["keep", "switch"],
    request: Request,
    context: ContextDep,
    caller: OperatorDep,
) -> Response:
    """Say which of two histories of the peer goes on."""

    def act(session: Session, now: datetime) -> object:
        return service.decide(session, connection_id=connection_id, decision=decision, actor=caller.actor, now=now)

    return await _done(connection_id, request, context, act, "It is decided which history goes on.")


@router.post("/connections/{connection_id}/heartbeat")
async def send_heartbeat(
    connection_id: str, request: Request, context: ContextDep, _caller: OperatorDep, hooks: ConnectionHooksDep
) -> Response:
    """Send a heartbeat now and say what came of it."""
    where = f"/connections/{connection_id}"
    try:
        beat = await context.database.write(service.beat_now, connection_id=connection_id, now=context.clock())
    except Conflict as error:
        return say_error(request, where, error)
    await calls.send_beat(context, beat, hooks)
    found = await context.database.read(service.detail, connection_id=connection_id, now=context.clock())
    if found.problem is not None:
        return notify(
            request, where, "error", "The peer did not answer: {problem}", problem=Told.of([found.problem.detail])
        )
    return notify(request, where, "success", "The peer answered after {count} ms.", count=found.round_trip_ms or 0)


@router.get("/connections/{connection_id}/disconnect")
async def ask_to_disconnect(
    connection_id: str, request: Request, context: ContextDep, _caller: OperatorDep
) -> Response:
    """Ask whether to end the connection."""
    found = await context.database.read(service.detail, connection_id=connection_id, now=context.clock())
    return page(request, "connections/disconnect.html", connection=found, form=Form())


@router.post("/connections/{connection_id}/disconnect")
async def disconnect(
    connection_id: str, request: Request, context: ContextDep, caller: OperatorDep, hooks: ConnectionHooksDep
) -> Response:
    """End the connection for good; the peer is told, nothing is deleted."""
    form = await forms.read(request)
    found = await context.database.read(service.detail, connection_id=connection_id, now=context.clock())
    if form.value("confirmation").strip() != found.peer_name:
        wrong = form.wrong_at("confirmation", "This is not the text to type.")
        return page(request, "connections/disconnect.html", status_code=400, connection=found, form=wrong)

    def act(session: Session, now: datetime) -> object:
        reason = form.value("reason").strip()[:500]
        return service.close(
            session, connection_id=connection_id, reason=reason, actor=caller.actor, now=now, hooks=hooks
        )

    return await _done(connection_id, request, context, act, "The connection has ended; the peer is told.")


def _look(session: Session, connection_id: str, now: datetime) -> ConnectionDetail:
    return service.detail(session, connection_id=connection_id, now=now)


def _parts(found: ConnectionDetail, caller: Caller, now: datetime) -> dict[str, Any]:
    return {
        "connection": found,
        "hours": beats.by_hour(found.beats, now),
        "share": beats.share_up(found.beats),
        "operator": not caller.roles.isdisjoint({Role.ADMIN, Role.SN_SB_ADMIN}),
    }


async def _done(connection_id: str, request: Request, context: Context, act: Act, sentence: str) -> Response:
    where = f"/connections/{connection_id}"
    try:
        await context.database.write(act, context.clock())
    except Conflict as error:
        return say_error(request, where, error)
    return notify(request, where, "success", sentence)
