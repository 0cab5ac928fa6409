"""Signing in and out, and one's own account."""

from dataclasses import replace
from typing import Final

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from provider_service.console import forms
from provider_service.console.deps import AnyoneDep, console_router, notify, own_path, page, sign_in_address
from provider_service.console.forms import Form
from provider_service.context import Context, ContextDep
from provider_service.directory import deps, service
from provider_service.directory.domain import Caller, Person
from provider_service.directory.schemas import SelfPatch
from provider_service.oidc import service as oidc
from provider_service.oidc.domain import Identity, Provider
from shared.interface.csrf import require_same_origin
from shared.transport.problems import status_of
from shared.wire.errors import Invalid, TooMany, Unauthenticated

router = console_router()

MOST_PROVIDERS: Final = 20
"""Identity providers with a button, at most."""

SENTENCES = {"name": "Enter your name.", "language": "Choose a language."}


@router.get("/sign-in")
async def show_sign_in(request: Request, context: ContextDep) -> Response:
    """Ask who is there; a new instance asks for its first administrator instead."""
    if await context.database.read(service.needs_setup):
        return RedirectResponse("/setup", status_code=303)
    following = own_path(request.query_params.get("next", "/"))
    return await _sign_in_page(request, context, Form(), following)


@router.post("/sign-in")
async def sign_in(request: Request, context: ContextDep) -> Response:
    """Begin a session."""
    require_same_origin(request.method, request.headers, issuer=context.settings.issuer)
    form = await forms.read(request)
    following = own_path(form.value("next", "/"))
    try:
        signed_in = await deps.sign_in(
            context,
            email=form.value("email"),
            password=form.value("password"),
            address=deps.client_address(request),
            agent=request.headers.get("user-agent", ""),
            previous=deps.session_cookie(request, context),
        )
    except (Unauthenticated, TooMany) as error:
        return await _sign_in_page(request, context, form.wrong(error), following, status_of(error))
    response = RedirectResponse(following, status_code=303)
    deps.set_session_cookie(response, context, signed_in.cookie)
    return response


@router.post("/sign-out")
async def sign_out(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """End the session; whoever only switches user comes back to where they were."""
    form = await forms.read(request)
    cookie = deps.session_cookie(request, context)
    if cookie is not None:
        await context.database.write(service.sign_out, cookie, caller=caller, now=context.clock())
    following = form.value("next")
    response = RedirectResponse(sign_in_address(following) if following else "/sign-in", status_code=303)
    deps.clear_session_cookie(response, context)
    return response


@router.get("/account")
async def show_account(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Show one's own account."""
    return await _account_page(request, context, caller)


@router.post("/account")
async def change_account(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Change one's own name and language."""
    form = await forms.read(request)
    try:
        wanted = forms.checked(SelfPatch, form, "name", "language")
    except Invalid as error:
        return await _account_page(request, context, caller, form=form.wrong(error, SENTENCES), status=422)
    chosen = (wanted.name, wanted.language)
    await context.database.write(service.update_self, change=lambda _: chosen, caller=caller, now=context.clock())
    request.state.caller = replace(caller, language=wanted.language)
    return notify(request, "/account", "success", "Your account was saved.")


@router.post("/account/password")
async def change_password(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Change one's own password; every other session of one's own ends."""
    form = await forms.read(request)
    agent = request.headers.get("user-agent", "")
    try:
        signed_in = await deps.change_password(
            context, caller, old=form.value("old_password"), new=form.value("password"), agent=agent
        )
    except Unauthenticated as error:
        wrong = form.wrong_at("old_password", error.detail)
        return await _account_page(request, context, caller, password=wrong, status=401)
    except (Invalid, TooMany) as error:
        return await _account_page(request, context, caller, password=form.wrong(error), status=status_of(error))
    response = notify(request, "/account", "success", "Your password was changed. Other sessions have ended.")
    deps.set_session_cookie(response, context, signed_in.cookie)
    return response


async def _sign_in_page(request: Request, context: Context, form: Form, following: str, status: int = 200) -> Response:
    providers = await context.database.read(oidc.list_providers, active=True, limit=MOST_PROVIDERS)
    return page(request, "sign_in.html", status_code=status, form=form, following=following, providers=providers)


async def _account_page(
    request: Request,
    context: Context,
    caller: Caller,
    *,
    form: Form | None = None,
    password: Form | None = None,
    status: int = 200,
) -> Response:
    def look(session: Session) -> tuple[Person, list[Identity], list[Provider]]:
        person = service.get_user(session, caller.user_id)
        providers = oidc.list_providers(session, active=True, limit=MOST_PROVIDERS)
        return person, oidc.list_identities(session, caller.user_id), providers

    person, identities, providers = await context.database.read(look)
    return page(
        request,
        "account.html",
        status_code=status,
        person=person,
        identities=identities,
        providers=providers,
        form=form or Form.of(name=person.name, language=person.language),
        password=password or Form(),
    )
