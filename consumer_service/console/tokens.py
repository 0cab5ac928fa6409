"""API tokens: shown once when made, ended at will."""

from datetime import datetime
from typing import Annotated

from fastapi import Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from consumer_service.console import forms
from consumer_service.console.deps import PAGE_LENGTH, AnyoneDep, console_router, notify, page
from consumer_service.console.forms import Form
from consumer_service.context import ContextDep
from consumer_service.directory import service
from consumer_service.directory.domain import SCOPES, Person
from consumer_service.directory.schemas import TokenCreate, TokenView
from shared.transport.problems import status_of
from shared.wire.errors import Forbidden, Invalid
from shared.wire.states import Role

router = console_router()

SENTENCES = {
    "name": "Enter a name that says what the token is for.",
    "scopes": "Choose at least one scope.",
    "expires_in_days": "Enter a number of days from 1 to 365.",
}


@router.get("/tokens")
async def show_tokens(
    request: Request,
    context: ContextDep,
    caller: AnyoneDep,
    everyones: Annotated[bool, Query()] = False,
    after: Annotated[str | None, Query(max_length=36)] = None,
) -> Response:
    """Show one's own tokens, or to an administrator everybody's."""

    def look(session: Session) -> tuple[list[TokenView], dict[str, Person]]:
        rows = service.list_tokens(session, caller=caller, everyones=everyones, after=after, limit=PAGE_LENGTH + 1)
        return [TokenView.model_validate(row) for row in rows], service.get_users(
            session, [row.user_id for row in rows]
        )

    rows, people = await context.database.read(look)
    return page(
        request,
        "tokens/list.html",
        tokens=rows[:PAGE_LENGTH],
        people=people,
        following=rows[PAGE_LENGTH - 1].id if len(rows) > PAGE_LENGTH else None,
        after=after,
        everyones=everyones,
        admin=Role.ADMIN in caller.roles,
        now=context.clock(),
    )


@router.get("/tokens/new")
async def show_new_token(request: Request, _caller: AnyoneDep) -> Response:
    """Ask what a token is for."""
    return page(request, "tokens/new.html", form=Form.of(expires_in_days=90), scopes=sorted(SCOPES))


@router.post("/tokens")
async def create_token(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Make a token and show it, once."""
    form = await forms.read(request)

    def work(session: Session, now: datetime) -> tuple[TokenView, str]:
        wanted = forms.checked(TokenCreate, form, "name", "expires_in_days", scopes=list(form.all("scopes")))
        made = service.create_token(
            session,
            name=wanted.name,
            scopes=frozenset(wanted.scopes),
            days=wanted.expires_in_days,
            caller=caller,
            now=now,
        )
        return TokenView.model_validate(made.token), made.secret

    try:
        made, secret = await context.database.write(work, context.clock())
    except (Invalid, Forbidden) as error:
        wrong = form.wrong(error, SENTENCES)
        return page(request, "tokens/new.html", status_code=status_of(error), form=wrong, scopes=sorted(SCOPES))
    return page(request, "tokens/made.html", status_code=201, token=made, secret=secret)


@router.post("/tokens/{token_id}/revoke")
async def revoke_token(token_id: str, request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """End a token at once."""
    row = await context.database.write(service.revoke_token, token_id, caller=caller, now=context.clock())
    return notify(request, "/tokens", "success", "The token {name} was revoked.", name=row.name)
