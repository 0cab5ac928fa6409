"""Signing in and out, and one's own account."""

from dataclasses import replace

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from provider_service.console import forms
from provider_service.console.deps import AnyoneDep, console_router, notify, own_path, page, sign_in_address
from provider_service.console.forms import Form
from provider_service.context import ContextDep
from provider_service.directory import deps, service
from provider_service.directory.schemas import SelfPatch
from shared.interface.csrf import require_same_origin
from shared.transport.problems import status_of
from shared.wire.errors import Invalid, TooMany, Unauthenticated

router = console_router()

SENTENCES = {"name": "Enter your name.", "language": "Choose a language."}


@router.get("/sign-in")
async def show_sign_in(request: Request, context: ContextDep) -> Response:
    """Ask who is there; a new instance asks for its first administrator instead."""
    if await context.database.read(service.needs_setup):
        return RedirectResponse("/setup", status_code=303)
    following = own_path(request.query_params.get("next", "/"))
    return page(request, "sign_in.html", form=Form(), following=following)


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
        wrong = form.wrong(error)
        return page(request, "sign_in.html", status_code=status_of(error), form=wrong, following=following)
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
    person = await context.database.read(service.get_user, caller.user_id)
    form = Form.of(name=person.name, language=person.language)
    return page(request, "account.html", person=person, form=form, password=Form())


@router.post("/account")
async def change_account(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Change one's own name and language."""
    form = await forms.read(request)
    try:
        wanted = forms.checked(SelfPatch, form, "name", "language")
    except Invalid as error:
        person = await context.database.read(service.get_user, caller.user_id)
        wrong = form.wrong(error, SENTENCES)
        return page(request, "account.html", status_code=422, person=person, form=wrong, password=Form())
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
        return await _account_again(request, context, caller, form.wrong_at("old_password", error.detail), 401)
    except (Invalid, TooMany) as error:
        return await _account_again(request, context, caller, form.wrong(error), status_of(error))
    response = notify(request, "/account", "success", "Your password was changed. Other sessions have ended.")
    deps.set_session_cookie(response, context, signed_in.cookie)
    return response


async def _account_again(
    request: Request, context: ContextDep, caller: AnyoneDep, password: Form, status: int
) -> Response:
    person = await context.database.read(service.get_user, caller.user_id)
    form = Form.of(name=person.name, language=person.language)
    return page(request, "account.html", status_code=status, person=person, form=form, password=password)
