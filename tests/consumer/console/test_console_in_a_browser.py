"""The console in a real browser: the link's secret stays out of addresses, and every page is accessible."""

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page
from sqlalchemy.orm import Session

from consumer_service.checks import Check, Finding, Subject
from consumer_service.console import assembly
from consumer_service.context import Context
from consumer_service.health import service as health
from consumer_service.health.domain import Result
from consumer_service.keys import service as keys
from shared.wire.states import Role, Severity
from tests.browsers import DESKTOP, violations
from tests.consumer.console.test_access_pages import ask, connected
from tests.consumer.console.test_exchange_pages import set_aside
from tests.consumer.console.world import PASSWORD, World, world_at
from tests.patience import PATIENCE_MS, PATIENCE_SECONDS
from tests.peer.live import loopback

pytestmark = pytest.mark.browser


class Running:
    """The console on a real socket, its event loop in a thread; ``run`` does something inside it."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._ready = threading.Event()
        self._at = loopback()
        self.address = self._at.issuer
        self.world: World
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def __enter__(self) -> "Running":
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(setattr, self._server, "should_exit", True)
        self._thread.join(20)
        assert not self._thread.is_alive()

    def run(self, work: Callable[[], Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(PATIENCE_SECONDS)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with world_at(self._data_dir, issuer=self.address) as self.world:
            await self.world.record()
            await self.world.person(Role.ADMIN)
            config = uvicorn.Config(self.world.app, log_config=None, lifespan="off", ws="none")
            self._server = uvicorn.Server(config)
            self._server.capture_signals = contextlib.nullcontext
            self._ready.set()
            await self._server.serve(sockets=[self._at.socket])
        self._at.socket.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Running(tmp_path_factory.mktemp("consumer")) as running:
        yield running


@pytest.fixture
def page(browser: Browser, running: Running) -> Iterator[Page]:
    context = browser.new_context(viewport=DESKTOP, base_url=running.address, bypass_csp=True, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def sign_in(page: Page, running: Running, *roles: Role) -> None:
    person = running.run(lambda: running.world.person(*(roles or Role), name="Ada Lovelace"))
    if not page.url.split("?")[0].endswith("/sign-in"):
        page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda address: "/sign-in" not in address)


def test_the_link_s_secret_leaves_the_address_and_never_travels_in_one(page: Page, running: Running) -> None:
    registration = running.world.registration()
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.goto(f"/onboarding#token={registration.token}")
    assert page.url == f"{running.address}/onboarding"
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/sign-in?*")
    sign_in(page, running)
    page.get_by_role("button", name="Continue with hub.example").wait_for()
    assert page.url == f"{running.address}/onboarding/confirm"
    assert [address for address in addresses if registration.token[:40] in address] == []


def test_an_onboarding_from_link_to_code_is_accessible_all_along(page: Page, running: Running) -> None:
    found: list[str] = []
    registration = running.world.registration()
    page.goto("/onboarding")
    found += violations(page, "landing")
    page.goto("about:blank")
    page.goto(f"/onboarding#token={registration.token}")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/sign-in?*")
    found += violations(page, "sign-in")
    sign_in(page, running)
    found += violations(page, "confirm")
    page.get_by_role("button", name="Continue with hub.example").click()
    page.get_by_text("Awaiting Validation").wait_for()
    found += violations(page, "checking")
    running.run(running.world.scan)
    page.get_by_role("button", name="Connect to Provider").wait_for()
    found += violations(page, "validated")
    page.get_by_role("button", name="Connect to Provider").click()
    page.get_by_role("link", name="Go to provider").wait_for()
    found += violations(page, "code")
    page.get_by_role("link", name="Cancel onboarding").click()
    found += violations(page, "cancel")
    page.goto("/")
    found += violations(page, "overview")
    page.goto("/provider-connections")
    found += violations(page, "list")
    assert found == []


PAGES = [
    *("/instance", "/instance/edit", "/users", "/users/new", "/users/{user}", "/account", "/tokens", "/tokens/new"),
    *("/keys", "/keys/rekey", "/keys/{kid}/compromise", "/health", "/health/issues/{issue}", "/audit"),
    *("/connections", "/connections/{connection}", "/connections/{connection}/disconnect"),
    *("/connections/{connection}/suspend", "/connections/{connection}/messages"),
    *("/connections/{connection}/messages/{message}/skip", "/incidents", "/incidents/{incident}"),
    *("/access-requests", "/access-requests/new", "/access-requests/{request}"),
    *("/setup", "/set-password", "/password/forgot", "/identity-providers", "/nowhere"),
]
ON_THE_WAY = {
    *("/", "/sign-in", "/onboarding", "/onboarding/confirm", "/provider-connections", "/provider-connections/{}"),
    "/provider-connections/{}/cancel",
    *("/identity-providers/{}", "/identity-providers/new", "/users/{}/identities"),  # tests/oidc/test_in_a_browser
    "/account/identities/confirm",
}
"""Pages that axe looks at where a story comes by."""

LEAD_ON = {
    *("/sign-in/oidc/{}", "/sign-in/oidc/{}/callback", "/account/identities/{}/link", "/exchange/v1/oauth/callback"),
    *("/provider-connections/{}/progress", "/connections/{}/figures", "/password/set"),
}
"""They send elsewhere, or are a page above or a part of one."""


def test_every_page_is_looked_at() -> None:
    shown = {shape(route.path) for router in assembly.ROUTERS for route in router.routes if "GET" in route.methods}
    assert shown - {*map(shape, PAGES)} - ON_THE_WAY - LEAD_ON == set()


def shape(path: str) -> str:
    """Return a path whatever its parts are called."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def test_every_page_is_accessible_light_on_a_desk_and_dark_on_a_phone(page: Page, running: Running) -> None:
    names = running.run(lambda: furnished(running.world))
    sign_in(page, running)
    found: list[str] = []
    for path in PAGES:
        answer = page.goto(path.format(**names))
        assert answer is not None
        assert (answer.status == 404) is (path == "/nowhere"), path
        found += violations(page, "consumer" + path.replace("/", "-"))
    assert found == []


async def furnished(world: World) -> dict[str, str]:
    """One of everything that pages show; return the names by which they find it."""
    desk, person = connected(world), await world.person(name="Bea")
    failing = Check("instance.test", "Sample", Severity.ERROR, "instance", looks)
    found = Result(failing, (Finding("Something is wrong", "Because of a test", "End the test"),))
    subject = Subject("instance", "instance")

    def look(session: Session) -> tuple[str, str]:
        health.begin_run(session, subject=subject, checks=[failing], now=world.now())
        issue = health.store_findings(session, subject=subject, results=[found], now=world.now())[0]
        return issue.id, keys.list_keys(session)[0].kid

    issue, kid = await world.context.database.write(look)
    return {
        "user": person.id,
        "kid": kid,
        "issue": issue,
        "connection": desk.connection_id,
        "message": set_aside(desk),
        "incident": desk.create(short_description="The printer is out of paper", state="New"),
        "request": await ask(world, desk, person.id),
    }


async def looks(_context: Context, _subject: Subject) -> list[Finding]:
    return []
