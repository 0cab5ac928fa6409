"""What every page needs: who looks at it, what stands around it, and errors shown as pages."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse

from provider_service.accounts.domain import STAFF
from provider_service.context import Context, ContextDep
from provider_service.directory.deps import current_caller
from provider_service.directory.domain import Caller, require_role
from provider_service.health import service as health
from provider_service.health.domain import Filter, IssueState
from provider_service.instance import service as instance
from provider_service.keys.domain import MANAGERS, READERS
from shared.interface.flash import Flashes, FlashMessage, Tone
from shared.interface.languages import Told, translate
from shared.interface.rendering import Pages
from shared.transport.problems import request_id_of, status_of
from shared.wire.errors import ExchangeError, Invalid, Unauthenticated
from shared.wire.states import Role

COUNTED: Final = 99
"""Open issues counted beside the Health Dashboard's name, at most."""

PAGE_LENGTH: Final = 25
"""Rows of one page of a list."""


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
ReaderDep = Annotated[Caller, Depends(signed_in(*STAFF))]
OperatorDep = Annotated[Caller, Depends(signed_in(Role.ADMIN, Role.SN_SB_ADMIN))]
AdminDep = Annotated[Caller, Depends(signed_in(Role.ADMIN))]
RoleGiverDep = Annotated[Caller, Depends(signed_in(Role.ADMIN, Role.SN_KMF_ADMIN))]
KeyReaderDep = Annotated[Caller, Depends(signed_in(*READERS))]
KeyManagerDep = Annotated[Caller, Depends(signed_in(*MANAGERS))]


async def _look_around(request: Request, context: ContextDep) -> None:
    request.state.around = await context.database.read(_around, context)


def _around(session: Session, context: Context) -> Around:
    found = health.list_issues(session, Filter(states=(IssueState.OPEN,)), before=None, limit=COUNTED)
    return Around(name_of_instance(session, context), len(found))


def name_of_instance(session: Session, context: Context) -> str:
    """Return what this instance is called; before it has a name, its host."""
    record = instance.get(session)
    return record.name if record else context.settings.issuer.partition("://")[2]


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
                return problem(request, Invalid(fix="Go back and correct the address or the form."))
            except ExchangeError as error:
                if status_of(error) == 500:
                    raise
                return problem(request, error)

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


def problem(request: Request, error: ExchangeError) -> HTMLResponse:
    """Return the page that says what happened, why, and what to do."""
    request_id = request_id_of(request.scope) or ""
    return desk_of(request).pages.problem(request, error, status_code=status_of(error), request_id=request_id)


def notify(request: Request, location: str, tone: Tone, text: str, **values: object) -> Response:
    """Go on to ``location`` (303), where a message is shown once, in the person's language."""
    desk = desk_of(request)
    caller: Caller | None = getattr(request.state, "caller", None)
    accepted = request.headers.get("accept-language")
    language = desk.pages.languages.preferred(caller.language if caller else None, accepted)
    with desk.pages.languages.speaking(language):
        message = FlashMessage(tone, translate(text, **values))
    response = RedirectResponse(location, status_code=303)
    desk.flashes.add(response, message)
    return response


def say_error(request: Request, location: str, error: ExchangeError) -> Response:
    """Go on to ``location``, where the error is shown once with its remedy."""
    return notify(request, location, "error", told(error))


def told(error: ExchangeError) -> Told:
    """Return an error in one line: what happened, why, what to do."""
    return Told.of((error.detail, error.cause, error.fix))


def own_path(given: str) -> str:
    """Return the path to come back to, if it is one of ours."""
    return given if given.startswith("/") and not given.startswith(("//", "/\\")) and given.isprintable() else "/"


def sign_in_address(following: str) -> str:
    """Return where to sign in and then go on to ``following``."""
    return f"/sign-in?next={quote(own_path(following), safe='')}"


def _to_sign_in(request: Request, error: Unauthenticated) -> Response:
    if "hx-request" in request.headers:
        # a part of a page that renews itself: the sign-in page is opened as a whole, and leads back to the whole page
        shown = urlsplit(request.headers.get("hx-current-url", "")).path or "/"
        return Response(status_code=401, headers={"hx-redirect": sign_in_address(shown)})
    back = "/" if request.method not in {"GET", "HEAD"} else _own_address(request)
    if error.code == "session_ended":
        return notify(request, sign_in_address(back), "info", error.detail)
    return RedirectResponse(sign_in_address(back), status_code=303)


def _own_address(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
