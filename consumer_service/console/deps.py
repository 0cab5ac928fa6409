"""What every page needs: who looks at it, what stands around it, and errors shown as pages."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse

from consumer_service.context import Context, ContextDep
from consumer_service.directory.deps import current_caller
from consumer_service.directory.domain import Caller, require_role
from consumer_service.health import service as health
from consumer_service.health.domain import Filter, IssueState
from consumer_service.instance import service as instance
from shared.interface.flash import Flashes, FlashMessage, Tone
from shared.interface.rendering import Pages
from shared.transport.problems import request_id_of, status_of
from shared.wire.errors import ExchangeError, Invalid, Unauthenticated
from shared.wire.states import Role

COUNTED = 99
"""Open issues counted beside the Health Dashboard's name, at most."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the console holds while the process runs."""

    pages: Pages
    flashes: Flashes


@dataclass(frozen=True, slots=True)
class Around:
    """What a page shows of the instance besides itself."""

    instance_name: str
    open_issues: int


async def visitor(request: Request, context: ContextDep) -> Caller | None:
    """Return who is signed in, or None."""
    try:
        return await current_caller(request, context)
    except Unauthenticated:
        return None


VisitorDep = Annotated[Caller | None, Depends(visitor)]


def signed_in(*roles: Role) -> Callable[[Request, ContextDep], Coroutine[Any, Any, Caller]]:
    """Return a dependency that gives a person signed in by session who holds one of ``roles``, if any are named."""

    async def check(request: Request, context: ContextDep) -> Caller:
        caller = await current_caller(request, context)
        if caller.csrf_secret is None:
            raise Unauthenticated("Pages are for people", fix="Sign in, or use the API with the token.")
        if roles:
            require_role(caller, roles)
        return caller

    return check


AnyoneDep = Annotated[Caller, Depends(signed_in())]
ReaderDep = Annotated[Caller, Depends(signed_in(Role.ADMIN, Role.SN_SB_ADMIN, Role.SN_SB_READ))]
AdminDep = Annotated[Caller, Depends(signed_in(Role.ADMIN))]


async def _look_around(request: Request, context: ContextDep) -> None:
    request.state.around = await context.database.read(_around, context)


def _around(session: Session, context: Context) -> Around:
    record = instance.get(session)
    name = record.name if record else context.settings.issuer.partition("://")[2]
    found = health.list_issues(session, Filter(states=(IssueState.OPEN,)), before=None, limit=COUNTED)
    return Around(name, len(found))


class PageRoute(APIRoute):
    """A route whose errors are pages; whoever is not signed in is asked to, and comes back."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, guarded."""
        handler = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handler(request)
            except Unauthenticated as error:
                return _to_sign_in(request, error)
            except RequestValidationError:
                return _problem(request, Invalid(fix="Go back and correct the address or the form."))
            except ExchangeError as error:
                if status_of(error) == 500:
                    raise
                return _problem(request, error)

        return guarded


def console_router() -> APIRouter:
    """Return a router of pages."""
    return APIRouter(route_class=PageRoute, include_in_schema=False, dependencies=[Depends(_look_around)])


def desk_of(request: Request) -> Desk:
    """Return the console's holdings."""
    desk: Desk = request.app.state.desk
    return desk


def page(request: Request, template: str, *, status_code: int = 200, **values: object) -> HTMLResponse:
    """Return a whole page."""
    return desk_of(request).pages.render(request, template, status_code=status_code, **values)


def fragment(request: Request, template: str, **values: object) -> HTMLResponse:
    """Return part of a page, for htmx."""
    return desk_of(request).pages.fragment(request, template, status_code=200, **values)


def notify(request: Request, location: str, tone: Tone, text: str) -> Response:
    """Go on to ``location`` (303), where a message is shown once."""
    response = RedirectResponse(location, status_code=303)
    desk_of(request).flashes.add(response, FlashMessage(tone, text))
    return response


def say_error(request: Request, location: str, error: ExchangeError) -> Response:
    """Go on to ``location``, where the error is shown once with its remedy."""
    return notify(request, location, "error", " ".join(filter(None, (f"{error.detail}.", error.fix))))


async def fields(request: Request) -> dict[str, str]:
    """Return the text fields of a form; of several with one name the last counts."""
    return {name: value for name, value in (await request.form()).multi_items() if isinstance(value, str)}


async def choices(request: Request, name: str) -> Sequence[str]:
    """Return every value a form gives for ``name``."""
    return [value for value in (await request.form()).getlist(name) if isinstance(value, str)]


def _to_sign_in(request: Request, error: Unauthenticated) -> Response:
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"hx-redirect": "/sign-in"})
    back = "/" if request.method not in {"GET", "HEAD"} else _own_address(request)
    response = RedirectResponse(f"/sign-in?next={quote(back, safe='')}", status_code=303)
    if error.code == "session_ended":
        desk_of(request).flashes.add(response, FlashMessage("info", error.detail))
    return response


def _own_address(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _problem(request: Request, error: ExchangeError) -> Response:
    request_id = request_id_of(request.scope) or ""
    return desk_of(request).pages.problem(request, error, status_code=status_of(error), request_id=request_id)
