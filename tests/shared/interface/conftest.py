"""A little console around the gallery: an application for the tests in memory, a server for those in a browser."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from shared.interface.assets import Assets
from shared.interface.csrf import csrf_token, require_csrf
from shared.interface.flash import Flashes, FlashMessage
from shared.interface.frame import Account, Frame, NavigationGroup, NavigationItem
from shared.interface.headers import SecurityHeaders, allow_form_redirect
from shared.interface.rendering import Pages, Side, Surroundings
from shared.wire.errors import Forbidden, Unavailable

NOW = datetime(2026, 11, 21, 1, 30, tzinfo=UTC)
SESSION_SECRET = b"a session's secret"

Console = Callable[..., Starlette]


def frame_of(_: Request) -> Frame:
    items = [
        NavigationItem("Overview", "/", "home"),
        NavigationItem("Samples", "/gallery", "exchange", count=2),
        NavigationItem("People", "/people", "people"),
    ]
    more = [
        NavigationItem("Keys", "/keys", "key"),
        NavigationItem("Health", "/health", "heart", count=1),
        NavigationItem("Settings", "/settings", "gear"),
    ]
    return Frame(
        instance_name="north.example",
        navigation=[NavigationGroup("", items), NavigationGroup("Operation", more)],
        account=Account("Ada Example", "ada@north.example", "/sign-out", [NavigationItem("Profile", "/profile")]),
        csrf_token=csrf_token(SESSION_SECRET),
    )


class SampleConsole:
    """The handlers of a console that can do little but show everything."""

    def __init__(self, pages: Pages, flashes: Flashes, issuer: str) -> None:
        self.pages, self.flashes, self.issuer = pages, flashes, issuer

    async def gallery(self, request: Request) -> HTMLResponse:
        return self.pages.render(request, "gallery.html", now=NOW)

    async def problem(self, request: Request) -> HTMLResponse:
        error = Unavailable("The other side does not answer", cause="<script>cause</script>", fix="Try again at noon")
        return self.pages.problem(request, error, status_code=503, request_id="req-1")

    async def template(self, request: Request) -> HTMLResponse:
        return self.pages.render(request, request.path_params["name"], evil=EVIL)

    async def progress(self, request: Request) -> HTMLResponse:
        return self.pages.fragment(request, "progress.html", token=request.headers.get("x-csrf-token", "none"))

    async def change(self, request: Request) -> Response:
        form = await request.form()
        given = str(form.get("csrf_token"))
        try:
            require_csrf("POST", request.headers, issuer=self.issuer, session_secret=SESSION_SECRET, given=given)
        except Forbidden as error:
            return self.pages.problem(request, error, status_code=403)
        answer = RedirectResponse("/problem", status_code=303)
        self.flashes.add(answer, FlashMessage("success", f"Saved {form.get('token', '')}"))
        return answer

    async def elsewhere(self, request: Request) -> HTMLResponse:
        allow_form_redirect(request.scope, "https://login.example:8443")
        return HTMLResponse("<p>consent</p>", headers={"content-security-policy": "default-src *"})


def build_console(
    templates: Path | None = None,
    *,
    side: Side = "Provider",
    https: bool = False,
    issuer: str = "https://north.example",
) -> Starlette:
    assets = Assets()
    flashes = Flashes(b"instance secret", instance_id="0192", secure=https, clock=NOW.timestamp)
    surroundings = Surroundings(frame_of, flashes, assets, clock=lambda: NOW)
    folder = templates or Path(__file__).parent / "templates"
    pages = Pages([folder], product="Service Exchange", side=side, surroundings=surroundings)
    console = SampleConsole(pages, flashes, issuer)
    routes = [
        assets.route(),
        Route("/gallery", console.gallery),
        Route("/gallery/progress", console.progress),
        Route("/gallery/join", console.change, methods=["POST"]),
        Route("/problem", console.problem),
        Route("/template/{name}", console.template),
        Route("/elsewhere", console.elsewhere),
        Route("/json", lambda _: JSONResponse({})),
        Route("/plain", lambda _: PlainTextResponse("plain")),
    ]
    return Starlette(routes=routes, middleware=[Middleware(SecurityHeaders, https=https)])


EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def console() -> Console:
    return build_console


@pytest.fixture
def evil() -> str:
    """A value that breaks out of every context that forgets to escape."""
    return EVIL


@contextlib.contextmanager
def _served(make: Callable[[str], Starlette]) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(make(address), log_level="error", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def provider_address() -> Iterator[str]:
    with _served(lambda address: build_console(issuer=address)) as address:
        yield address


@pytest.fixture(scope="module")
def consumer_address() -> Iterator[str]:
    with _served(lambda address: build_console(side="Consumer", issuer=address)) as address:
        yield address
