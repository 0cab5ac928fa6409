"""The pages in a real browser: accessible, operable by keyboard, quiet under their own strict policy."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from shared.interface.csrf import csrf_token
from tests.browsers import AXE, DESKTOP, PHONE
from tests.patience import PATIENCE_MS

pytestmark = pytest.mark.browser

SESSION_SECRET = b"a session's secret"

Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    contexts: list[BrowserContext] = []

    def open_(address: str, *, size: dict[str, int] = DESKTOP, **options: object) -> Page:
        context = browser.new_context(viewport=size, **options)
        context.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto(address)
        return page

    yield open_
    for context in contexts:
        context.close()


def axe_violations(page: Page) -> list[str]:
    page.evaluate(AXE)
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/gallery", "/problem"])
def test_a_page_has_no_accessibility_violation(open_page, provider_address, path, scheme, size):
    page = open_page(provider_address + path, size=size, color_scheme=scheme, bypass_csp=True)
    assert axe_violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_other_side_s_colours_have_enough_contrast_too(open_page, consumer_address, scheme):
    page = open_page(consumer_address + "/gallery", color_scheme=scheme, bypass_csp=True)
    assert axe_violations(page) == []


def test_the_page_does_not_trip_over_its_own_policy(open_page, provider_address):
    page = open_page(provider_address + "/gallery")
    assert page.evaluate("typeof htmx") == "object"
    assert [text for text in page.complaints if "Content Security Policy" in text or "Error" in text] == []


def test_nothing_scrolls_sideways_on_a_phone(open_page, provider_address):
    page = open_page(provider_address + "/gallery", size=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def focused(page: Page) -> str:
    return page.evaluate(
        "(document.activeElement.getAttribute('aria-label') || document.activeElement.textContent).trim()"
    )


def test_the_keyboard_goes_through_the_page_in_reading_order(open_page, provider_address):
    page = open_page(provider_address + "/problem")
    seen = []
    for _ in range(11):
        page.keyboard.press("Tab")
        seen.append(focused(page))
    assert seen == [
        "Skip to content", "Service Exchange", "Switch between light and dark", "Account of Ada Example",
        "Overview", "Samples2", "People", "Keys", "Health1", "Settings", "Go to the start page",
    ]  # fmt: skip


def test_the_skip_link_leads_into_the_page(open_page, provider_address):
    page = open_page(provider_address + "/problem")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_on_a_phone_the_menu_opens_and_closes_by_keyboard(open_page, provider_address):
    page = open_page(provider_address + "/problem", size=PHONE)
    assert not page.locator("#navigation").is_visible()
    page.get_by_role("button", name="Menu", exact=True).focus()
    page.keyboard.press("Enter")
    assert page.locator("#navigation").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#navigation").is_visible()
    assert focused(page) == "Menu"


def test_escape_closes_the_account_menu_and_gives_the_focus_back(open_page, provider_address):
    page = open_page(provider_address + "/problem")
    page.locator(".account summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    assert not page.get_by_role("button", name="Sign out").is_visible()
    assert focused(page) == "Account of Ada Example"


def test_the_chosen_theme_outlives_the_page(open_page, provider_address):
    page = open_page(provider_address + "/problem", color_scheme="light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Switch between light and dark").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    assert light != dark == page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_copying_takes_the_value_and_says_so(open_page, provider_address):
    page = open_page(provider_address + "/gallery", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy: Link").click()
    expect(page.locator("#announcer")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("https://north.example/join#token=")


def test_the_link_s_secret_leaves_the_address_and_travels_in_the_form(open_page, provider_address):
    page = open_page(provider_address + "/gallery#token=secret-1")
    assert page.url == provider_address + "/gallery"
    assert not page.get_by_label("The link's code").is_visible()
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("Saved secret-1").wait_for()


def test_without_scripts_the_link_s_secret_can_be_pasted(open_page, provider_address):
    page = open_page(provider_address + "/gallery", java_script_enabled=False)
    page.get_by_label("The link's code").fill("secret-2")
    page.get_by_role("button", name="Continue").click()
    page.get_by_text("Saved secret-2").wait_for()


def test_a_form_on_plain_http_names_its_origin_so_that_it_can_be_told_from_a_stranger_s(open_page, provider_address):
    # Away from localhost a browser sends no Sec-Fetch-Site on plain http; a referrer policy of no-referrer would
    # then make it send "Origin: null".
    plain = provider_address.replace("127.0.0.1", "plain.example")
    page = open_page(plain + "/gallery#token=secret-3")
    with page.expect_request("**/gallery/join") as sent:
        page.get_by_role("button", name="Continue").click()
    headers = sent.value.all_headers()
    assert "sec-fetch-site" not in headers
    assert headers["origin"] == plain


def test_progress_moves_by_itself_until_it_is_settled(open_page, provider_address):
    page = open_page("about:blank")
    page.clock.install()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(provider_address + "/gallery")
    page.clock.run_for(2_500)
    steps = page.get_by_role("list", name="Sample progress")
    expect(steps).to_contain_text(f"Settled Done {csrf_token(SESSION_SECRET)}")
    page.clock.run_for(60_000)
    assert asked.count(provider_address + "/gallery/progress") == 1


def test_progress_moves_without_htmx_too(open_page, provider_address):
    page = open_page("about:blank")
    page.clock.install()
    page.route("**/htmx.min.js", lambda route: route.abort())
    page.goto(provider_address + "/gallery")
    page.clock.run_for(2_500)
    expect(page.get_by_role("list", name="Sample progress")).to_contain_text("Settled Done none")


@pytest.mark.parametrize("with_htmx", [True, False])
def test_a_part_that_could_not_be_renewed_says_so_until_it_could(open_page, provider_address, with_htmx):
    page = open_page("about:blank")
    page.clock.install()
    if not with_htmx:
        page.route("**/htmx.min.js", lambda route: route.abort())
    page.route("**/gallery/progress", lambda route: route.fulfill(status=503))
    page.goto(provider_address + "/gallery")
    page.clock.run_for(2_500)
    expect(page.locator("#stale")).to_contain_text("could not be brought up to date")
    expect(page.get_by_role("list", name="Sample progress")).to_be_visible()
    page.unroute("**/gallery/progress")
    page.clock.run_for(2_500)
    expect(page.locator("#stale")).to_be_empty()


@pytest.mark.parametrize("with_htmx", [True, False])
def test_a_part_renewed_after_the_session_s_end_opens_sign_in_as_a_whole_page(open_page, provider_address, with_htmx):
    page = open_page("about:blank")
    page.clock.install()
    if not with_htmx:
        page.route("**/htmx.min.js", lambda route: route.abort())
    page.route("**/gallery/progress", lambda route: route.fulfill(status=401, headers={"HX-Redirect": "/problem"}))
    page.goto(provider_address + "/gallery")
    page.clock.run_for(2_500)
    page.wait_for_url(provider_address + "/problem")
