"""Profile options: what self-service registration does, who set it so, and setting it."""

from datetime import datetime

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from provider_service.console import forms
from provider_service.console.deps import AdminDep, ReaderDep, console_router, notify, page
from provider_service.console.forms import Form
from provider_service.context import ContextDep
from provider_service.options import service
from provider_service.options.domain import OptionChange, OptionRecord
from shared.transport.problems import status_of
from shared.wire.errors import Invalid
from shared.wire.states import Role

router = console_router()

CHANGES = 50
"""Changes shown of one option, at most; the audit trail has them all."""


@router.get("/options")
async def show_options(request: Request, context: ContextDep, _caller: ReaderDep) -> Response:
    """Show every option as it counts now."""
    return page(request, "options/list.html", options=await context.database.read(service.list_options))


@router.get("/options/{code}")
async def show_option(code: str, request: Request, context: ContextDep, caller: ReaderDep) -> Response:
    """Show an option with its history, and to an administrator the form that sets it."""
    option, changes = await context.database.read(_look, code)
    form, admin = Form.of(value=option.value), Role.ADMIN in caller.roles
    return page(request, "options/page.html", option=option, changes=changes, form=form, admin=admin)


@router.post("/options/{code}")
async def set_option(code: str, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Set an option, or give it its default back."""
    form = await forms.read(request)
    wanted = None if form.has("reset") else form.value("value")

    def work(session: Session, now: datetime) -> OptionRecord:
        return service.set_option(session, code, change=lambda _: wanted, actor=caller.actor, now=now)

    try:
        await context.database.write(work, context.clock())
    except Invalid as error:
        option, changes = await context.database.read(_look, code)
        wrong = form.wrong_at("value", error.errors[0].detail)
        return page(
            request,
            "options/page.html",
            status_code=status_of(error),
            option=option,
            changes=changes,
            form=wrong,
            admin=True,
        )
    return notify(request, f"/options/{code}", "success", "The option was saved.")


def _look(session: Session, code: str) -> tuple[OptionRecord, list[OptionChange]]:
    return service.get_option(session, code), service.history(session, code, limit=CHANGES)
