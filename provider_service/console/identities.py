"""Signing in by an identity provider, and linking one's account there, or somebody else's, to a person here."""

import re
import secrets
from typing import Final

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from provider_service.console import forms
from provider_service.console.deps import (
    AdminDep,
    AnyoneDep,
    VisitorDep,
    console_router,
    notify,
    own_path,
    page,
    say_error,
    sign_in_address,
)
from provider_service.console.forms import Form
from provider_service.context import Context, ContextDep
from provider_service.directory import deps
from provider_service.directory import service as directory
from provider_service.directory.domain import Caller, Person
from provider_service.oidc import calls, service
from provider_service.oidc.calls import Visit
from provider_service.oidc.domain import Identity, Provider
from provider_service.oidc.schemas import IdentityCreate
from shared.interface.cookies import cookie_name
from shared.transport.openid import OpenIdClient
from shared.transport.problems import status_of
from shared.wire.errors import Conflict, ExchangeError, Forbidden, Gone, Invalid, NotFound

router = console_router()

CONFIRM: Final = "/account/identities/confirm"
SENTENCES = {
    "provider_id": "Choose an identity provider.",
    "subject": "Enter the subject: at most 255 characters, without blanks around it.",
}

_ANSWER: Final = ("state", "code", "iss", "error")
_ANSWER_LIMIT: Final = 4096
_BROWSER = re.compile(r"[A-Za-z0-9_-]{43}")


@router.get("/sign-in/oidc/{slug}")
async def go_to_provider(slug: str, request: Request, context: ContextDep) -> Response:
    """Send the browser to an identity provider, to come back signed in."""
    following = own_path(request.query_params.get("next", "/"))
    return await _sent(slug, request, context, None, following, back=sign_in_address(following))


@router.get("/sign-in/oidc/{slug}/callback")
async def come_back(slug: str, request: Request, context: ContextDep, caller: VisitorDep) -> Response:
    """Take what the provider let the browser bring: a session begins, or a link waits to be confirmed."""
    visit = _visit(request, context, caller, _browser(request, context) or "")
    try:
        done = await calls.take_answer(context, _openid(request), slug, answer=_answer(request), visit=visit)
    except ExchangeError as error:
        if status_of(error) == 500:
            raise
        return say_error(request, "/account" if caller is not None else "/sign-in", error)
    response = RedirectResponse(own_path(done.following), status_code=303)
    if done.signed_in is not None:
        deps.set_session_cookie(response, context, done.signed_in.cookie)
        response.delete_cookie(_cookie(context), path="/", httponly=True, samesite="lax", secure=_https(context))
    return response


@router.get("/account/identities/{slug}/link")
async def prove_account(slug: str, request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Send the browser to an identity provider, to prove an account that is to be linked."""
    return await _sent(slug, request, context, caller, CONFIRM, back="/account")


@router.get(CONFIRM)
async def show_proven(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Ask whether the account that was proven is the one to link: a browser may be signed in there as somebody else."""
    browser = _browser(request, context) or ""
    proven = await context.database.read(service.find_proven, browser=browser, caller=caller, now=context.clock())
    if proven is None:
        return notify(request, "/account", "info", "There is no account that waits to be linked.")
    return page(request, "identities/confirm.html", proven=proven)


@router.post("/account/identities")
async def link_account(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """Link the account that was proven."""
    form = await forms.read(request)
    browser = _browser(request, context) or ""
    try:
        made = await context.database.write(
            service.confirm_link, form.value("key"), browser=browser, caller=caller, now=context.clock()
        )
    except (Gone, Conflict) as error:
        return say_error(request, "/account", error)
    return notify(request, "/account", "success", "You can sign in by {name} from now on.", name=made.provider_name)


@router.post("/account/identities/{identity_id}/unlink")
async def unlink_account(identity_id: str, request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """End a link of one's own."""
    return await _unlinked(request, context, caller, caller.user_id, identity_id, "/account")


@router.get("/users/{user_id}/identities")
async def show_identities(user_id: str, request: Request, context: ContextDep, _caller: AdminDep) -> Response:
    """Show which accounts are linked to a person."""
    return await _shown(request, context, user_id, Form())


@router.post("/users/{user_id}/identities")
async def link_user(user_id: str, request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Link an account to a person, on the administrator's word."""
    form = await forms.read(request)

    def work(session: Session) -> Identity:
        wanted = forms.checked(IdentityCreate, form, "provider_id", "subject")
        return service.link_as_administrator(
            session,
            user_id,
            provider_id=wanted.provider_id,
            subject=wanted.subject,
            caller=caller,
            now=context.clock(),
        )

    try:
        await context.database.write(work)
    except (Invalid, Conflict, Forbidden) as error:
        return await _shown(request, context, user_id, form.wrong(error, SENTENCES), status_of(error))
    return notify(request, f"/users/{user_id}/identities", "success", "The account was linked.")


@router.post("/users/{user_id}/identities/{identity_id}/unlink")
async def unlink_user(
    user_id: str, identity_id: str, request: Request, context: ContextDep, caller: AdminDep
) -> Response:
    """End a link; what began by it ends at once."""
    return await _unlinked(request, context, caller, user_id, identity_id, f"/users/{user_id}/identities")


async def _sent(
    slug: str, request: Request, context: Context, caller: Caller | None, following: str, *, back: str
) -> Response:
    browser = _browser(request, context) or secrets.token_urlsafe(32)
    visit = _visit(request, context, caller, browser)
    try:
        url = await calls.send_there(
            context, _openid(request), slug, visit=visit, link=caller is not None, following=following
        )
    except ExchangeError as error:
        if status_of(error) == 500:
            raise
        return say_error(request, back, error)
    response = RedirectResponse(url, status_code=303)
    response.set_cookie(_cookie(context), browser, path="/", httponly=True, samesite="lax", secure=_https(context))
    return response


async def _unlinked(
    request: Request, context: Context, caller: Caller, user_id: str, identity_id: str, back: str
) -> Response:
    try:
        await context.database.write(service.unlink, user_id, identity_id, caller=caller, now=context.clock())
    except (Conflict, Forbidden, NotFound) as error:
        return say_error(request, back, error)
    return notify(request, back, "success", "The link has ended, and whatever began by it.")


async def _shown(request: Request, context: Context, user_id: str, form: Form, status: int = 200) -> Response:
    def look(session: Session) -> tuple[Person, list[Identity], list[Provider]]:
        person = directory.get_user(session, user_id)
        return person, service.list_identities(session, user_id), service.list_providers(session, limit=200)

    person, identities, providers = await context.database.read(look)
    return page(
        request,
        "identities/of_user.html",
        status_code=status,
        person=person,
        identities=identities,
        providers=providers,
        form=form,
    )


def _visit(request: Request, context: Context, caller: Caller | None, browser: str) -> Visit:
    return Visit(
        browser=browser,
        address=deps.client_address(request),
        agent=request.headers.get("user-agent", ""),
        caller=caller,
        previous=deps.session_cookie(request, context),
    )


def _answer(request: Request) -> dict[str, str]:
    """Return the members of the answer; one that is there twice, or far too long, counts as none."""
    found: dict[str, str] = {}
    for name in _ANSWER:
        given = request.query_params.getlist(name)
        if len(given) == 1 and len(given[0]) <= _ANSWER_LIMIT:
            found[name] = given[0]
    return found


def _openid(request: Request) -> OpenIdClient:
    found: OpenIdClient = request.app.state.openid
    return found


def _cookie(context: Context) -> str:
    return cookie_name("browser", context.settings.issuer, secure=_https(context))


def _https(context: Context) -> bool:
    return context.settings.issuer.startswith("https://")


def _browser(request: Request, context: Context) -> str | None:
    given = request.cookies.get(_cookie(context), "")
    return given if _BROWSER.fullmatch(given) else None
