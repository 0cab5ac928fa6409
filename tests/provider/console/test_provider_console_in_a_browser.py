"""The console in a real browser: an administrator's way through all of it, accessible in light and dark."""

import asyncio
import contextlib
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page

from provider_service.console import assembly
from tests.browsers import DESKTOP, violations
from tests.keyboard import Keyboard
from tests.patience import PATIENCE_MS, PATIENCE_SECONDS
from tests.peer.live import loopback
from tests.provider.console.postbox import post, secret
from tests.provider.console.world import PASSWORD, STAFF, World, world_at

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

    def run(self, work: Callable[[], Awaitable[Any]]) -> Any:
        return asyncio.run_coroutine_threadsafe(_awaited(work), self._loop).result(PATIENCE_SECONDS)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with world_at(self._data_dir, issuer=self.address) as self.world:
            config = uvicorn.Config(self.world.app, log_config=None, lifespan="off", ws="none")
            self._server = uvicorn.Server(config)
            self._server.capture_signals = contextlib.nullcontext
            self._ready.set()
            await self._server.serve(sockets=[self._at.socket])
        self._at.socket.close()


async def _awaited(work: Callable[[], Awaitable[Any]]) -> Any:
    return await work()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with Running(tmp_path) as running:
        yield running


@pytest.fixture
def page(browser: Browser, running: Running) -> Iterator[Page]:
    context = browser.new_context(viewport=DESKTOP, base_url=running.address, bypass_csp=True, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def test_an_administrator_s_first_day_is_accessible_all_along(page: Page, running: Running) -> None:
    found: list[str] = []
    token = running.run(running.world.setup_token)
    page.goto(f"/setup#token={token}")
    found += violations(page, "setup")
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("E-mail address").fill("ada@example.com")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create administrator").click()
    page.get_by_role("heading", name="Create provider record").wait_for()
    found += violations(page, "record-new")
    page.get_by_label("Name", exact=True).fill("hub-one")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="New company").wait_for()
    running.run(running.world.app.state.holder.refresh)
    page.get_by_role("link", name="New company").click()
    found += violations(page, "company-new")
    page.get_by_label("Name", exact=True).fill("Harbour Ltd")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="New contact").click()
    found += violations(page, "contact-new")
    page.get_by_label("Name", exact=True).fill("Grace Hopper")
    page.get_by_label("E-mail address").fill("grace@example.com")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="New registration").click()
    found += violations(page, "registration-new")
    page.get_by_label("Consumer URL").fill("https://desk.example")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Awaiting Validation").first.wait_for()
    found += violations(page, "registration-awaiting")
    running.run(running.world.scan)
    page.get_by_role("button", name="Copy link").wait_for()  # the page moves by itself
    found += violations(page, "registration-open")
    page.get_by_role("button", name="Copy link").click()
    assert page.get_by_label("Link", exact=True).input_value().startswith("https://desk.example/onboarding#token=")
    found += violations(page, "registration-link")
    assert found == []


PAGES = {
    "overview": "/",
    "account": "/account",
    "record": "/instance",
    "record-edit": "/instance/edit",
    "companies": "/companies",
    "company": "/companies/{company}",
    "company-edit": "/companies/{company}/edit",
    "users": "/users",
    "user-new": "/users/new",
    "user": "/users/{user}",
    "registrations": "/registrations",
    "registration": "/registrations/{number}",
    "registration-done": "/registrations/{connected}",
    "registration-edit": "/registrations/{number}/edit",
    "registration-cancel": "/registrations/{number}/cancel",
    "health": "/health",
    "health-of-task": "/health?registration={number}",
    "issue": "/health/issues/{issue}",
    "keys": "/keys",
    "keys-compromise": "/keys/{kid}/compromise",
    "keys-rekey": "/keys/rekey",
    "connections": "/connections",
    "connection": "/connections/{connection}",
    "disconnect": "/connections/{connection}/disconnect",
    "suspend": "/connections/{connection}/suspend",
    "rekey": "/connections/{connection}/rekey",
    "messages": "/connections/{connection}/messages",
    "message-skip": "/connections/{connection}/messages/{incident}/skip",
    "incidents": "/incidents",
    "incident": "/incidents/{incident}",
    "tokens": "/tokens",
    "token-new": "/tokens/new",
    "audit": "/audit",
    "options": "/options",
    "option": "/options/SVC_CSS_REG_CONT_MAP",
    "request-new": "/requests/new",
    "invitations": "/invitations",
    "requests": "/requests",
    "people": "/people",
    "sign-up-for-oneself": "/sign-up?type=consumer",
    "sign-up-status": "/sign-up/status",
    "password-forgot": "/password/forgot",
    "password-set": "/set-password",
    "identity-providers": "/identity-providers",
    "problem": "/registrations/REG9999999",
}


ON_THE_WAY = {
    *("/setup", "/sign-in", "/companies/new", "/companies/{}/contacts/new", "/registrations/new", "/oauth/authorize"),
    *("/sign-up/confirm", "/sign-up/invitation"),
    *("/requests/{}", "/sign-up/status"),  # tests/e2e/test_sign_up_in_a_browser
    *("/identity-providers/{}", "/identity-providers/new", "/users/{}/identities"),  # tests/oidc/test_in_a_browser
    "/account/identities/confirm",
    "/options/{}",  # one of them above
}
"""Pages that axe looks at where a story comes by."""

LEAD_ON = {
    *("/sign-in/oidc/{}", "/sign-in/oidc/{}/callback", "/account/identities/{}/link", "/registrations/{}/contact"),
    *("/registrations/{}/progress", "/requests/{}/progress", "/connections/{}/figures", "/password/set"),
}
"""They send elsewhere, or are a page above or a part of one."""


def test_every_page_is_looked_at() -> None:
    shown = {shape(route.path) for router in assembly.ROUTERS for route in router.routes if "GET" in route.methods}
    assert shown - {*map(shape, PAGES.values())} - ON_THE_WAY - LEAD_ON == set()


def shape(path: str) -> str:
    """Return a path whatever its parts are called."""
    return re.sub(r"\{[^}]*\}", "{}", path.partition("?")[0])


def test_every_page_is_accessible_light_on_a_desk_and_dark_on_a_phone(page: Page, running: Running) -> None:
    world = running.world
    running.run(world.record)
    names = running.run(world.furnished)
    person = running.run(lambda: world.person(*STAFF, name="Ada Lovelace"))
    found: list[str] = []
    page.goto("/sign-in")
    found += violations(page, "sign-in")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="Overview").wait_for()
    for name, path in PAGES.items():
        answer = page.goto(path.format(**names))
        assert answer is not None
        assert (answer.status == 404) is (name == "problem"), name
        found += violations(page, name)
    assert found == []


def test_somebody_is_invited_and_accepts_accessibly(page: Page, running: Running) -> None:
    world, found = running.world, list[str]()
    running.run(world.record)
    running.run(world.contact)
    admin = running.run(lambda: world.person(*STAFF, name="Ada Lovelace"))
    enter(page, admin.email)
    page.get_by_label("Main navigation").get_by_role("link", name="Invitations").click()
    page.get_by_text("Nobody is invited").wait_for()
    page.get_by_label("E-mail address").fill("bea@harbour.example")
    page.get_by_role("button", name="Invite", exact=True).click()
    page.get_by_text("The invitation was sent to bea@harbour.example.").wait_for()
    found += violations(page, "invitations")
    page.context.clear_cookies()
    (letter,) = running.run(lambda: post(world, "bea@harbour.example"))
    page.goto(f"/sign-up/invitation#token={secret(letter)}")
    found += violations(page, "invitation-link")
    page.get_by_role("button", name="Show the invitation").click()
    page.get_by_label("First name").fill("Bea")
    found += violations(page, "invitation")
    page.get_by_role("button", name="Accept the invitation").click()
    page.get_by_role("heading", name="The invitation is accepted").wait_for()
    found += violations(page, "invitation-accepted")
    page.goto("/sign-in")  # where only what stands behind the # differs, a browser loads nothing
    page.goto(f"/sign-up/invitation#token={secret(letter)}")
    page.get_by_role("button", name="Show the invitation").click()
    page.get_by_text("This invitation was accepted already").wait_for()
    found += violations(page, "invitation-ended")
    assert found == []


def test_somebody_signs_up_and_is_let_in_by_keyboard_alone(page: Page, running: Running) -> None:
    """Nothing is clicked: typed, Tab, Enter and the space bar; a refused form says where it was refused."""
    world, keys = running.world, Keyboard(page)
    running.run(world.record)
    running.run(world.contact)
    admin = running.run(lambda: world.person(*STAFF, name="Ada Lovelace"))
    page.goto("/sign-in")
    keys.to("Sign up").press(shows="You prove your mailbox first")
    keys.write("Account key", "Harbour Ltd").write("E-mail address", "bea at the harbour").press()
    keys.is_told("Enter an e-mail address like name@example.com.")
    assert violations(page, "sign-up-refused") == []
    keys.to("Enter an e-mail address like name@example.com.").press()
    page.locator("#field-EmailAddress:focus").press("Control+A")
    page.keyboard.type("bea@harbour.example")
    keys.write("First name", "Bea").to("More about you").press()
    keys.write("Login", "cyd@harbour.example").press()
    keys.is_told("Enter a name of your own, or this e-mail address, or nothing.")
    keys.to("Enter a name of your own, or this e-mail address, or nothing.").press()
    page.locator("#field-LoginId:focus").press("Control+A")
    keys.press("Delete")
    keys.to("Ask for access").press(" ", shows="Look into your mailbox")
    keys.to("Follow the request").press(shows="Show the request")
    keys.to("Show the request").press(shows="Mailbox not proven yet")
    (letter,) = running.run(lambda: post(world, "bea@harbour.example"))
    page.goto(f"/sign-up/confirm#token={secret(letter)}")
    keys.to("Show the request").press(shows="If this was not you")
    keys.to("This was me: confirm").press(" ", shows="Your mailbox is proven")
    page.goto("/sign-in")
    keys.write("E-mail address", admin.email).write("Password", PASSWORD).press(shows="Overview")
    keys.to("Access requests").press(shows="bea@harbour.example")
    keys.to("bea@harbour.example").press(shows="What was found")
    keys.to("Ask the applicant").press()
    keys.is_told("A question needs words")
    keys.write("Note to the applicant", "Welcome.").to("Approve").press(" ", shows="User activated")


def enter(page: Page, email: str) -> None:
    """Sign in."""
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Main navigation").get_by_role("link", name="Access requests").wait_for()


def test_the_consent_page_is_accessible_and_leads_back_to_the_consumer(page: Page, running: Running) -> None:
    world = running.world
    running.run(world.record)
    contact = running.run(lambda: world.contact("Lin Clark", "Quay Ltd"))
    number = running.run(lambda: world.registration(contact))
    running.run(world.scan)
    handshake = running.run(lambda: world.asked(number))
    page.route("https://desk.example/**", lambda route: route.fulfill(body="back", content_type="text/plain"))
    page.goto(world.consent_path(handshake))
    page.get_by_label("E-mail address").fill(contact.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("heading", name="Allow desk-one to connect?").wait_for()
    found = violations(page, "consent")
    running.run(lambda: world.comment(number, "Please allow it today"))
    page.goto("/")
    page.get_by_text("Please allow it today").wait_for()
    found += violations(page, "start-of-a-contact")
    page.goto(world.consent_path(handshake))
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url("https://desk.example/exchange/v1/oauth/callback?code=*")
    assert found == []
