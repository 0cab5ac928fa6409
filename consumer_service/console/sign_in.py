"""Signing in and out."""

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from consumer_service.console.deps import AnyoneDep, console_router, fields, page
from consumer_service.context import ContextDep
from consumer_service.directory import deps, service
from shared.interface.csrf import require_same_origin
from shared.transport.problems import status_of
from shared.wire.errors import ExchangeError, TooMany, Unauthenticated

router = console_router()


@router.get("/sign-in")
async def show_sign_in(request: Request) -> Response:
    """Ask who is there."""
    return _shown(request, request.query_params.get("next", "/"))


@router.post("/sign-in")
async def sign_in(request: Request, context: ContextDep) -> Response:
    """Begin a session."""
    require_same_origin(request.method, request.headers, issuer=context.settings.issuer)
    form = await fields(request)
    try:
        signed_in = await deps.sign_in(
            context,
            email=form.get("email", ""),
            password=form.get("password", ""),
            address=deps.client_address(request),
            agent=request.headers.get("user-agent", ""),
            previous=deps.session_cookie(request, context),
        )
    except (Unauthenticated, TooMany) as error:
        return _shown(request, form.get("next", "/"), error)
    response = RedirectResponse(own_path(form.get("next", "/")), status_code=303)
    deps.set_session_cookie(response, context, signed_in.cookie)
    return response


@router.post("/sign-out")
async def sign_out(request: Request, context: ContextDep, caller: AnyoneDep) -> Response:
    """End the session."""
    cookie = deps.session_cookie(request, context)
    if cookie is not None:
        await context.database.write(service.sign_out, cookie, caller=caller, now=context.clock())
    response = RedirectResponse("/sign-in", status_code=303)
    deps.clear_session_cookie(response, context)
    return response


def own_path(given: str) -> str:
    """Return the path to come back to, if it is one of ours."""
    return given if given.startswith("/") and not given.startswith(("//", "/\\")) and given.isprintable() else "/"


def _shown(request: Request, following: str, error: ExchangeError | None = None) -> Response:
    status = 200 if error is None else status_of(error)
    return page(request, "sign_in.html", status_code=status, following=own_path(following), error=error)
