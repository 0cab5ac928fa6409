"""The first administrator, by the token the service printed when it started."""

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from provider_service.console import forms
from provider_service.console.deps import console_router, notify, page
from provider_service.console.forms import Form
from provider_service.context import ContextDep
from provider_service.directory import deps, service
from provider_service.directory.schemas import UserCreate
from shared.interface.csrf import require_same_origin
from shared.transport.problems import status_of
from shared.wire.errors import Conflict, Gone, Invalid

router = console_router()

SENTENCES = {"email": "Enter an e-mail address like name@example.com.", "name": "Enter your name."}


@router.get("/setup")
async def show_setup(request: Request, context: ContextDep) -> Response:
    """Ask for the first administrator; once there is one, for a sign-in."""
    if not await context.database.read(service.needs_setup):
        return RedirectResponse("/sign-in", status_code=303)
    return page(request, "setup.html", form=Form())


@router.post("/setup")
async def set_up(request: Request, context: ContextDep) -> Response:
    """Make the first administrator and sign them in."""
    require_same_origin(request.method, request.headers, issuer=context.settings.issuer)
    form = await forms.read(request)
    address = deps.client_address(request)
    try:
        wanted = forms.checked(UserCreate, form, "email", "name")
        await context.database.write(
            service.claim_setup,
            token=form.value("token").strip(),
            email=wanted.email,
            name=wanted.name,
            password=await deps.prepare_password(context, form.value("password")),
            address=address,
            now=context.clock(),
        )
    except (Invalid, Gone, Conflict) as error:
        return page(request, "setup.html", status_code=status_of(error), form=form.wrong(error, SENTENCES))
    agent = request.headers.get("user-agent", "")
    signed_in = await deps.sign_in(
        context, email=wanted.email, password=form.value("password"), address=address, agent=agent
    )
    response = notify(request, "/instance", "success", "You are the administrator. Now say who this instance is.")
    deps.set_session_cookie(response, context, signed_in.cookie)
    return response
