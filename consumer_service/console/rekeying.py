"""A lost identity: suspend the connection until the provider's new invitation gives it other keys."""

from datetime import datetime

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from consumer_service.connections import service
from consumer_service.console import forms
from consumer_service.console.deps import OperatorDep, console_router, notify, page, say_error
from consumer_service.console.forms import Form
from consumer_service.context import ContextDep
from shared.wire.errors import Conflict

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
