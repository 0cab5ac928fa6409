"""The console in a real browser: an administrator's way through all of it, accessible in light and dark."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from tests.patience import PATIENCE_MS, PATIENCE_SECONDS
from tests.peer.live import loopback
from tests.provider.console.postbox import post, secret
from tests.provider.console.world import PASSWORD, STAFF, World, world_at

pytestmark = pytest.mark.browser

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
CHROMIUM = Path("/usr/bin/chromium")
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
SHOTS = os.environ.get("CONSOLE_SCREENSHOTS", "")
"""Folder to leave pictures of the pages in, for people to look at."""


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


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium. Where it is missing a person's run skips; in CI it must be there."""
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{CHROMIUM} is missing: install the Debian package chromium")
        pytest.skip(f"{CHROMIUM} is missing")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags, timeout=PATIENCE_MS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, running: Running) -> Iterator[Page]:
    context = browser.new_context(viewport=DESKTOP, base_url=running.address, bypass_csp=True, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def violations(page: Page, name: str) -> list[str]:
    """What axe finds in light on a desk and in dark on a phone; leaves pictures where asked."""
    found = []
    page.evaluate(AXE)
    for scheme, size in (("light", DESKTOP), ("dark", PHONE)):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size(size)
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        for violation in result["violations"]:
            found += [f"{name} {scheme}: {violation['id']} {node['target']}" for node in violation["nodes"]]
        if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
            found.append(f"{name} scrolls sideways at {size['width']}")
        if SHOTS:
            shot = f"{SHOTS}/provider-{name}-{scheme}-{size['width']}.png"
            page.screenshot(path=shot, full_page=True, animations="disabled")
    page.set_viewport_size(DESKTOP)
    return found


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
    "sign-up-for-oneself": "/sign-up?type=consumer",
    "problem": "/registrations/REG9999999",
}


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
        page.goto(path.format(**names))
        found += violations(page, name)
    assert found == []


def test_from_the_sign_up_to_a_colleague_who_is_the_contact_of_a_registration(page: Page, running: Running) -> None:
    """Bea signs up, is let in and administers the account; she lets Cyd in, who gets a registration."""
    found = list[str]()
    running.run(running.world.record)
    running.run(running.world.contact)
    admin = running.run(lambda: running.world.person(*STAFF, name="Ada Lovelace"))
    page.set_extra_http_headers({"accept-language": "ja"})
    page.goto("/sign-up")
    page.get_by_role("heading", name="利用登録").wait_for()
    found += violations(page, "sign-up-in-japanese")
    page.set_extra_http_headers({})
    found += signs_up(page, running, "Bea")
    enter(page, admin.email)
    page.goto("/requests")
    found += violations(page, "requests")
    page.get_by_role("link", name="bea@harbour.example").click()
    page.get_by_text("It is the account's first user, who becomes its administrator.").wait_for()
    found += violations(page, "request")
    approves(page)
    page.goto("/people")
    found += violations(page, "people")
    begins(page, running, "Bea")
    found += violations(page, "overview-of-a-customer")
    page.goto("/people")
    page.get_by_role("cell", name="Administrator", exact=True).wait_for()
    page.context.clear_cookies()
    found += signs_up(page, running, "Cyd")
    enter(page, "bea@harbour.example")
    page.goto("/requests")
    page.get_by_role("link", name="cyd@harbour.example").click()
    found += violations(page, "request-of-a-colleague")
    approves(page)
    begins(page, running, "Cyd")
    enter(page, admin.email)
    gets_a_registration(page, running, "Cyd")
    found += violations(page, "registration-of-a-colleague")
    assert found == []


def signs_up(page: Page, running: Running, name: str) -> list[str]:
    """Ask for access to Harbour Ltd and prove the mailbox; return what axe finds on the way."""
    email, found = f"{name.lower()}@harbour.example", list[str]()
    page.goto("/sign-in")
    page.get_by_role("link", name="Sign up").click()
    found += violations(page, "sign-up")
    page.get_by_label("Account key").fill("Harbour Ltd")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("First name").fill(name)
    page.get_by_role("button", name="Ask for access").click()
    page.get_by_role("heading", name="Look into your mailbox").wait_for()
    found += violations(page, "sign-up-sent")
    page.get_by_role("link", name="Follow the request").click()
    page.get_by_role("button", name="Show the request").click()
    page.get_by_text("Mailbox not proven yet").wait_for()
    found += violations(page, "sign-up-status")
    (letter,) = running.run(lambda: post(running.world, email))
    page.goto(f"/sign-up/confirm#token={secret(letter)}")
    page.get_by_role("button", name="Show the request").click()
    page.get_by_role("button", name="This was me: confirm").wait_for()
    found += violations(page, "sign-up-confirm")
    page.get_by_role("button", name="This was me: confirm").click()
    page.get_by_role("heading", name="Your mailbox is proven").wait_for()
    return found + violations(page, "sign-up-confirmed")


def approves(page: Page) -> None:
    """Approve the request that is shown, and leave when it is carried out."""
    page.get_by_text("A contact and a user are made.").wait_for()
    page.get_by_role("button", name="Approve").click()
    page.get_by_text("User activated").wait_for()


def begins(page: Page, running: Running, name: str) -> None:
    """Set a password by the welcome mail, and sign in for the first time."""
    page.context.clear_cookies()
    email = f"{name.lower()}@harbour.example"
    (welcome,) = running.run(lambda: post(running.world, email))
    page.goto(f"/set-password#token={secret(welcome)}")
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_role("button", name="Set password").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    enter(page, email)


def gets_a_registration(page: Page, running: Running, name: str) -> None:
    """Give a contact of Harbour Ltd the consumer's role, and a registration that is open with it."""
    page.goto("/companies")
    page.get_by_role("link", name="Harbour Ltd").click()
    page.get_by_text("Lacks sn_sb_pro.consumer").first.wait_for()
    of_company = page.url
    page.locator("section, article, div.card").filter(
        has=page.get_by_role("heading", name=name, exact=True)
    ).last.get_by_role("link", name="Open user").click()
    page.get_by_label("sn_sb_pro.consumer").check()
    page.get_by_role("button", name="Save roles").click()
    page.get_by_text("The roles were saved.").wait_for()
    page.goto(of_company)
    page.get_by_role("link", name="New registration").click()
    page.get_by_label("Contact").select_option(label=f"{name} ({name.lower()}@harbour.example)")
    page.get_by_label("Consumer URL").fill("https://desk.example")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Awaiting Validation").first.wait_for()
    running.run(running.world.scan)
    page.get_by_role("button", name="Copy link").wait_for()
    page.get_by_text(name).first.wait_for()


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
