"""The log of a connection's messages, and what to do about one that cannot be applied or will never be taken."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from consumer_service.audit.schemas import EntityId, FilterText
from consumer_service.connections import service
from consumer_service.connections.deps import HandlersDep
from consumer_service.connections.schemas import MessageView
from consumer_service.console import forms
from consumer_service.console.deps import (
    PAGE_LENGTH,
    OperatorDep,
    ReaderDep,
    console_router,
    notify,
    page,
    say_error,
)
from consumer_service.console.forms import Form
from consumer_service.context import Context, ContextDep
from shared.wire.errors import Conflict, Invalid, NotFound
from shared.wire.states import Role

router = console_router()

Direction = Literal["out", "in"]
Act = Callable[[Session, datetime], object]

STATUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "out": ("queued", "deferred", "applied", "duplicate", "rejected", "conflict"),
    "in": ("quarantined", "held", "applied", "duplicate", "rejected", "conflict"),
}
"""What may become of a message, by its direction; what waits or needs somebody first."""


@router.get("/connections/{connection_id}/messages")
async def show_messages(
    *,
    connection_id: EntityId,
    request: Request,
    context: ContextDep,
    caller: ReaderDep,
    direction: Direction = "out",
    status: Annotated[FilterText, Query()] = None,
    before: Annotated[FilterText, Query()] = None,
) -> Response:
    """Show the messages of one direction, the newest first; contents stay out of the log."""
    status = status or None

    def look(session: Session) -> tuple[str, list[MessageView]]:
        rows = service.messages(
            session,
            connection_id=connection_id,
            direction=direction,
            status=status,
            before=before or None,
            limit=PAGE_LENGTH + 1,
        )
        return _peer(session, connection_id), rows

    peer, rows = await context.database.read(look)
    kept = {"direction": direction, **({"status": status} if status else {})}
    return page(
        request,
        "connections/messages.html",
        connection_id=connection_id,
        peer=peer,
        messages=rows[:PAGE_LENGTH],
        direction=direction,
        status=status,
        statuses=STATUSES[direction],
        operator=not caller.roles.isdisjoint({Role.ADMIN, Role.SN_SB_ADMIN}),
        first="?" + urlencode(kept) if before else "",
        following="?" + urlencode({**kept, "before": rows[PAGE_LENGTH - 1].id}) if len(rows) > PAGE_LENGTH else "",
    )


@router.post("/connections/{connection_id}/messages/{message_id}/replay")
async def replay(
    *,
    connection_id: EntityId,
    message_id: EntityId,
    request: Request,
    context: ContextDep,
    caller: OperatorDep,
    handlers: HandlersDep,
) -> Response:
    """Try a message that was set aside again, and what waits behind it."""

    def act(session: Session, now: datetime) -> None:
        service.replay(
            session, connection_id=connection_id, message_id=message_id, handlers=handlers, actor=caller.actor, now=now
        )

    where = f"/connections/{connection_id}/messages?direction=in"
    return await _done(request, context, where, act, "The message was tried again; the log says what became of it.")


@router.get("/connections/{connection_id}/messages/{message_id}/skip")
async def ask_to_skip(
    *,
    connection_id: EntityId,
    message_id: EntityId,
    request: Request,
    context: ContextDep,
    _caller: OperatorDep,
    direction: Direction = "in",
) -> Response:
    """Ask for the reason a message is given up for."""
    return await _asked(request, context, connection_id, message_id, Form.of(direction=direction))


@router.post("/connections/{connection_id}/messages/{message_id}/skip")
async def skip(
    *,
    connection_id: EntityId,
    message_id: EntityId,
    request: Request,
    context: ContextDep,
    caller: OperatorDep,
    handlers: HandlersDep,
) -> Response:
    """Reject a message that was set aside, or withdraw one of ours that waits; its lane goes on."""
    form = await forms.read(request)
    reason = form.value("reason").strip()[:500]
    if not reason:
        wrong = form.wrong_at("reason", "Say why: the peer is told.")
        return await _asked(request, context, connection_id, message_id, wrong, 422)

    def act(session: Session, now: datetime) -> None:
        service.skip(
            session,
            connection_id=connection_id,
            message_id=message_id,
            reason=reason,
            handlers=handlers,
            actor=caller.actor,
            now=now,
        )

    direction = "out" if form.value("direction") == "out" else "in"
    where = f"/connections/{connection_id}/messages?direction={direction}"
    return await _done(request, context, where, act, "The message was given up; its lane goes on.")


def _peer(session: Session, connection_id: str) -> str:
    return service.get(session, connection_id).peer_name


async def _asked(
    request: Request, context: Context, connection_id: str, message_id: str, form: Form, status_code: int = 200
) -> Response:
    peer = await context.database.read(_peer, connection_id)
    names = {"connection_id": connection_id, "message_id": message_id, "peer": peer}
    return page(request, "connections/skip.html", status_code=status_code, **names, form=form)


async def _done(request: Request, context: Context, where: str, act: Act, sentence: str) -> Response:
    try:
        await context.database.write(act, context.clock())
    except (Conflict, Invalid, NotFound) as error:
        return say_error(request, where, error)
    return notify(request, where, "success", sentence)
