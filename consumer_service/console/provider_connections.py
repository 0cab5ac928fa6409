"""Onboarding with providers: the list, one with its live progress, and every step a person takes."""

from contextlib import suppress
from datetime import datetime

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from consumer_service.console import forms, wizard
from consumer_service.console.deps import (
    PAGE_LENGTH,
    AdminDep,
    ReaderDep,
    console_router,
    fragment,
    notify,
    page,
    say_error,
)
from consumer_service.context import Context, ContextDep
from consumer_service.handshakes import calls
from consumer_service.handshakes import service as handshakes
from consumer_service.handshakes.domain import CALLBACK_PATH
from consumer_service.provider_connections import service as provider_connections
from shared.wire.errors import Conflict, ExchangeError
from shared.wire.states import Role

router = console_router()


@router.get("/provider-connections")
async def list_provider_connections(
    request: Request, context: ContextDep, caller: ReaderDep, before: str | None = None
) -> Response:
    """Show every onboarding, the newest first."""

    def look(session: Session) -> list[wizard.Onboarding]:
        rows = provider_connections.page(session, before=before, limit=PAGE_LENGTH + 1, state=None)
        return [wizard.look(session, row.id) for row in rows]

    found = await context.database.read(look)
    following = f"/provider-connections?before={found[PAGE_LENGTH - 1].view.id}" if len(found) > PAGE_LENGTH else ""
    return page(
        request,
        "provider_connections/list.html",
        onboardings=found[:PAGE_LENGTH],
        next_href=following,
        admin=Role.ADMIN in caller.roles,
    )


@router.get("/provider-connections/{connection_id}")
async def show_provider_connection(
    connection_id: str, request: Request, context: ContextDep, caller: ReaderDep
) -> Response:
    """Show one onboarding: where it stands, and what to do next."""
    found = await context.database.read(wizard.look, connection_id)
    return page(
        request,
        "provider_connections/page.html",
        onboarding=found,
        admin=Role.ADMIN in caller.roles,
        caller_id=caller.user_id,
    )


@router.get("/provider-connections/{connection_id}/progress")
async def show_progress(connection_id: str, request: Request, context: ContextDep, caller: ReaderDep) -> Response:
    """Return the part of the page that moves."""
    found = await context.database.read(wizard.look, connection_id)
    return fragment(
        request,
        "provider_connections/progress.html",
        onboarding=found,
        admin=Role.ADMIN in caller.roles,
        caller_id=caller.user_id,
    )


@router.post("/provider-connections/{connection_id}/connect")
async def connect_to_provider(connection_id: str, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Introduce ourselves to the provider; the page then shows the comparison code and the way there."""
    try:
        await calls.connect(context, connection_id=connection_id, user_id=caller.user_id)
    except ExchangeError as error:
        return say_error(request, _at(connection_id), error)
    return RedirectResponse(_at(connection_id), status_code=303)


@router.post("/provider-connections/{connection_id}/confirm")
async def confirm_comparison_code(
    connection_id: str, request: Request, context: ContextDep, _caller: AdminDep
) -> Response:
    """Take the code that the provider shows, read back by the person here; wrong ones are counted."""
    typed = (await forms.read(request)).value("comparison_code").strip()
    try:
        await context.database.write(handshakes.confirm, connection_id=connection_id, typed=typed, now=context.clock())
    except Conflict as error:
        if error.code == "comparison_wrong":
            await context.database.write(handshakes.wrong_code, connection_id=connection_id)
        return say_error(request, _at(connection_id), error)
    await _redeem(context, connection_id)
    return notify(request, _at(connection_id), "success", "The comparison code is confirmed.")


@router.post("/provider-connections/{connection_id}/validate")
async def validate_again(connection_id: str, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Run every check again."""
    await context.database.write(
        provider_connections.validate, connection_id=connection_id, actor=caller.actor, now=context.clock()
    )
    return notify(request, _at(connection_id), "info", "All checks run again now.")


@router.get("/provider-connections/{connection_id}/cancel")
async def ask_before_cancelling(
    connection_id: str, request: Request, context: ContextDep, _caller: AdminDep
) -> Response:
    """Say what cancelling means."""
    found = await context.database.read(wizard.look, connection_id)
    return page(request, "provider_connections/cancel.html", onboarding=found)


@router.post("/provider-connections/{connection_id}/cancel")
async def cancel_onboarding(connection_id: str, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """End the onboarding; the provider is told."""
    reason = (await forms.read(request)).value("reason").strip()
    await context.database.write(
        handshakes.cancel, connection_id=connection_id, reason=reason, actor=caller.actor, now=context.clock()
    )
    return notify(request, _at(connection_id), "info", "Onboarding is cancelled. The provider will be told.")


@router.get(CALLBACK_PATH)
async def come_back(
    request: Request,
    context: ContextDep,
    caller: AdminDep,
    state: str = "",
    iss: str | None = None,
    code: str | None = None,
    error: str | None = None,
) -> Response:
    """Take the contact's answer out of the browser, and redeem it at once; the worker tries again if that fails."""

    def work(session: Session, now: datetime) -> str:
        return handshakes.returned(
            session,
            state=state,
            iss=iss,
            code=code,
            error=error,
            user_id=caller.user_id,
            masters=context.masters,
            now=now,
        )

    connection_id = await context.database.write(work, context.clock())
    await _redeem(context, connection_id)
    return RedirectResponse(_at(connection_id), status_code=303)


async def _redeem(context: Context, connection_id: str) -> None:
    """Open the connection now, if the contact's answer is here."""
    # A refusal is kept with the handshake: the page shows it, and the worker tries again where that can help.
    with suppress(ExchangeError):
        await calls.complete(context, connection_id=connection_id)


def _at(connection_id: str) -> str:
    return f"/provider-connections/{connection_id}"
