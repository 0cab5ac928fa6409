"""From a registration link to a confirmed provider; before the confirmation nothing is fetched and nothing created."""

from dataclasses import dataclass

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from consumer_service.console import browsers, forms
from consumer_service.console.deps import AdminDep, console_router, notify, page
from consumer_service.context import Context, ContextDep
from consumer_service.instance import service as instance
from consumer_service.invitations import service as invitations
from consumer_service.invitations.domain import TokenView
from consumer_service.provider_connections import service as provider_connections
from shared.transport.problems import status_of
from shared.wire.errors import ExchangeError, Invalid, NotFound
from shared.wire.states import DeliveryMode

router = console_router()


@dataclass(frozen=True, slots=True)
class Seen:
    """What stands on the page that asks for the confirmation."""

    invitation: TokenView
    own_issuer: str
    own_name: str


@router.get("/onboarding")
async def show_landing(request: Request, context: ContextDep) -> Response:
    """Where registration links lead. It changes nothing: the token stands behind the # and never reaches us here."""
    return _landing(request, context)


@router.post("/onboarding/token")
async def keep_token(request: Request, context: ContextDep) -> Response:
    """Keep the token for this browser, until an administrator has confirmed whose it is."""
    form = await forms.read(request)
    browser = browsers.require_browser(request, context, given=form.value("csrf_token"))
    try:
        await context.database.write(
            invitations.keep,
            masters=context.masters,
            text=form.value("token"),
            browser=browser,
            now=context.clock(),
        )
    except Invalid as error:
        return _landing(request, context, error)
    return RedirectResponse("/onboarding/confirm", status_code=303)


@router.get("/onboarding/confirm")
async def ask_for_confirmation(request: Request, context: ContextDep, _caller: AdminDep) -> Response:
    """Show an administrator whom the link is from and what will happen, before anything does."""
    browser = browsers.browser_of(request, context) or ""
    try:
        seen, refusal = await context.database.read(_look, context, browser), None
    except ExchangeError as error:
        seen, refusal = None, error
    status = 200 if refusal is None else status_of(refusal)
    return page(request, "onboarding/confirm.html", status_code=status, seen=seen, refusal=refusal)


@router.post("/onboarding/confirm")
async def confirm_provider(request: Request, context: ContextDep, caller: AdminDep) -> Response:
    """Begin with the provider the administrator has confirmed, or forget the link."""
    form = await forms.read(request)
    browser = browsers.browser_of(request, context) or ""
    if form.value("decision") == "cancel":
        await context.database.write(invitations.drop, browser=browser)
        return notify(request, "/provider-connections", "info", "The link was put aside. Nothing was sent.")

    def work(session: Session) -> str:
        row = provider_connections.take_up(
            session,
            masters=context.masters,
            link=_token(session, context, browser),
            confirmed=form.value("provider"),
            delivery=DeliveryMode.PULL if form.value("delivery") == DeliveryMode.PULL else DeliveryMode.PUSH,
            actor=caller.actor,
            loopback=_loopback(context),
            now=context.clock(),
        )
        invitations.drop(session, browser=browser)
        return row.id

    return RedirectResponse(f"/provider-connections/{await context.database.write(work)}", status_code=303)


def _landing(request: Request, context: Context, error: ExchangeError | None = None) -> Response:
    browser = browsers.named_browser(request, context)
    status = 200 if error is None else status_of(error)
    csrf = browsers.browser_csrf(browser)
    response = page(request, "onboarding/landing.html", status_code=status, csrf=csrf, refusal=error)
    browsers.remember(response, context, browser)
    return response


def _look(session: Session, context: Context, browser: str) -> Seen:
    own = instance.require(session)
    token = _token(session, context, browser)
    seen = invitations.look(session, token=token, loopback=_loopback(context), now=context.clock())
    return Seen(seen, own.issuer, own.name)


def _token(session: Session, context: Context, browser: str) -> str:
    token = invitations.token_for(session, masters=context.masters, browser=browser, now=context.clock())
    if token is None:
        raise NotFound(
            "No registration link is open in this browser",
            code="invitation_missing",
            cause="A link is kept for one hour, for the browser it was opened in, until it is taken up.",
            fix="Open the link from the mail again, or paste it.",
        )
    return token


def _loopback(context: Context) -> bool:
    return context.settings.environment == "development"
