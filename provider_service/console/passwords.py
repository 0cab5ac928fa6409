"""Setting a password by the link of a mail, and asking for such a mail."""

from fastapi import Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from provider_service.console import forms
from provider_service.console.deps import console_router, name_of_instance, notify, page, sign_in_address
from provider_service.console.forms import Form
from provider_service.context import ContextDep
from provider_service.directory import deps, service
from provider_service.oidc import service as oidc
from shared.interface.csrf import require_same_origin
from shared.transport.problems import status_of
from shared.wire.errors import Gone, Invalid, TooMany

router = console_router()


@router.get("/password/forgot")
async def show_forgotten(request: Request) -> Response:
    """Ask whose password was forgotten."""
    return page(request, "passwords/forgot.html", form=Form(), asked=False)


@router.post("/password/forgot")
async def ask_for_reset(request: Request, context: ContextDep) -> Response:
    """Queue a mail where there is somebody to send it to; the answer is the same where there is nobody."""
    require_same_origin(request.method, request.headers, issuer=context.settings.issuer)
    form = await forms.read(request)
    address = deps.client_address(request)

    def work(session: Session) -> None:
        name = name_of_instance(session, context)
        service.request_reset(
            session, email=form.value("email")[:254], address=address, instance=name, now=context.clock()
        )

    try:
        await context.database.write(work)
    except TooMany as error:
        return page(request, "passwords/forgot.html", status_code=429, form=form.wrong(error), asked=False)
    return page(request, "passwords/forgot.html", form=Form(), asked=True)


@router.get("/set-password")
@router.get("/password/set")
async def show_set_password(request: Request) -> Response:
    """Where the links of password mails lead; the secret behind the # stays in the browser until the form is sent."""
    return page(request, "passwords/set.html", form=Form())


@router.post("/password/set")
async def set_password(request: Request, context: ContextDep) -> Response:
    """Set the password of whoever the link was for."""
    require_same_origin(request.method, request.headers, issuer=context.settings.issuer)
    form = await forms.read(request)
    try:
        person = await deps.set_password(
            context,
            secret=form.value("token").strip(),
            password=form.value("password"),
            address=deps.client_address(request),
        )
    except Gone as error:
        return page(request, "passwords/set.html", status_code=410, form=Form().wrong(error))
    except Invalid as error:
        return page(request, "passwords/set.html", status_code=status_of(error), form=form.wrong(error))
    if await context.database.read(oidc.list_identities, person.id):
        return notify(
            request,
            sign_in_address("/account"),
            "success",
            "Your password is set. Sign in with it, then look at your linked accounts: they have to be linked again.",
        )
    return notify(request, "/sign-in", "success", "Your password is set. Sign in with it.")
