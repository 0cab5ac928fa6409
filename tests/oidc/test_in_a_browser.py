"""Signing in and linking in a real browser, the provider on another site; pages anybody can use."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from shared.wire.states import Role
from tests.browsers import AXE, CHROMIUM, DESKTOP, LAYOUT_FAULTS, PHONE
from tests.oidc.conftest import PACKAGES
from tests.oidc.world import PASSWORD, House, house_of
from tests.patience import PATIENCE_MS
from tests.peer.live import live, loopback

pytestmark = [pytest.mark.anyio, pytest.mark.browser]


@pytest.fixture(params=PACKAGES)
async def house(request: pytest.FixtureRequest, sqlite_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """Either service as ``localhost``, so that the provider, at 127.0.0.1, is another site."""
    at = loopback()
    issuer = at.issuer.replace("127.0.0.1", "localhost")
    async with house_of(request.param, sqlite_url, tmp_path, issuer) as found, live(found.app, at):
        yield found


@pytest.fixture
def chromium() -> Path:
    """Debian's chromium. Where it is missing a person's run skips; in CI it must be there."""
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"{CHROMIUM} is missing: install the Debian package chromium")
        pytest.skip(f"{CHROMIUM} is missing")
    return CHROMIUM


@pytest.fixture
async def browser(chromium: Path) -> AsyncIterator[Browser]:
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=str(chromium), args=flags, timeout=PATIENCE_MS)
        yield launched
        await launched.close()


async def opened(browser: Browser, house: House, subject: str, **options: bool) -> BrowserContext:
    """A browser in which somebody has signed in at the provider."""
    context = await browser.new_context(viewport=DESKTOP, base_url=house.issuer, reduced_motion="reduce", **options)
    context.set_default_timeout(PATIENCE_MS)
    await context.add_cookies([{"name": "account", "value": subject, "url": house.idp.issuer}])
    return context


async def by_password(page: Page, email: str) -> None:
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()


async def violations(page: Page, path: str) -> list[str]:
    """What axe finds on a page in light on a desk and in dark on a phone."""
    found = []
    await page.goto(path)
    await page.evaluate(AXE)
    for scheme, size in (("light", DESKTOP), ("dark", PHONE)):
        await page.emulate_media(color_scheme=scheme)
        await page.set_viewport_size(size)
        result = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        found += [f"{path} {scheme}: {one['id']} {one['nodes'][0]['target']}" for one in result["violations"]]
        found += [f"{path} at {size['width']}: {fault}" for fault in await page.evaluate(LAYOUT_FAULTS)]
    return found


async def test_a_person_links_an_account_and_signs_in_by_it(house: House, browser: Browser) -> None:
    person = await house.person(Role.SN_SB_READ)
    context = await opened(browser, house, "ada")
    page = await context.new_page()
    await page.goto("/account")
    await by_password(page, person.email)
    await page.get_by_role("link", name="Link an account at staff").click()
    await page.get_by_role("button", name="Link this account").click()
    await page.get_by_text("You can sign in by staff from now on.").wait_for()
    names = {cookie["name"] for cookie in await context.cookies(house.issuer) if "session" in cookie["name"]}
    await context.clear_cookies(name=names.pop())
    await page.goto("/tokens")
    await page.get_by_role("link", name="Sign in by staff").click()
    await page.wait_for_url("**/tokens")
    await page.goto("/account")
    assert person.email in await page.content()
    await context.close()


async def test_the_pages_of_identity_providers_are_accessible(house: House, browser: Browser) -> None:
    person = await house.person(Role.ADMIN)
    await house.link(person, "ada")
    context = await opened(browser, house, "home", bypass_csp=True)
    page = await context.new_page()
    found = await violations(page, "/sign-in")
    await page.set_viewport_size(DESKTOP)
    await page.goto("/account")
    await by_password(page, person.email)
    await page.get_by_role("link", name="Link an account at staff").click()
    await page.get_by_role("button", name="Link this account").wait_for()
    for path in (
        "/account/identities/confirm",
        "/account",
        "/identity-providers",
        "/identity-providers/new",
        f"/identity-providers/{house.provider['id']}",
        f"/users/{person.id}/identities",
    ):
        found += await violations(page, path)
    assert found == []
    await context.close()
