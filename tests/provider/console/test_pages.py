"""Every page: who sees it, who does not, and that what peers say stays text."""

import re
from datetime import timedelta

import pytest
from fastapi.routing import APIRoute

from provider_service.console import assembly
from shared.wire.states import Role
from tests.provider.console.world import ISSUER, Browser, World

pytestmark = pytest.mark.anyio

EVERYBODY = frozenset(Role)
STAFF = frozenset({Role.ADMIN, Role.SN_SB_ADMIN, Role.SN_SB_READ})
OPERATORS = frozenset({Role.ADMIN, Role.SN_SB_ADMIN})
ADMINS = frozenset({Role.ADMIN})
ROLE_GIVERS = frozenset({Role.ADMIN, Role.SN_KMF_ADMIN})
KEY_MANAGERS = frozenset({Role.SN_KMF_CRYPTOGRAPHIC_MANAGER})

PAGES = {
    "/": EVERYBODY,
    "/account": EVERYBODY,
    "/instance": STAFF,
    "/instance/edit": ADMINS,
    "/companies": STAFF,
    "/companies/new": OPERATORS,
    "/companies/{company}": STAFF,
    "/companies/{company}/edit": OPERATORS,
    "/companies/{company}/contacts/new": OPERATORS,
    "/options": STAFF,
    "/options/SVC_CSS_REG_CONT_MAP": STAFF,
    "/options/SVC_CSS_ALLOW_CONTACT": STAFF,
    "/users": ROLE_GIVERS,
    "/users/new": ADMINS,
    "/users/{user}": ROLE_GIVERS,
    "/users/{user}/identities": ADMINS,
    "/identity-providers": ADMINS,
    "/identity-providers/new": ADMINS,
    "/requests": EVERYBODY,
    "/requests/new": EVERYBODY,
    "/people": EVERYBODY,
    "/invitations": EVERYBODY,
    "/registrations": STAFF,
    "/registrations?state=Open": STAFF,
    "/registrations/new": ADMINS,
    "/registrations/new?company_id={company}": ADMINS,
    "/registrations/{number}": STAFF,
    "/registrations/{number}/progress": STAFF,
    "/registrations/{number}/edit": ADMINS,
    "/registrations/{number}/cancel": ADMINS,
    "/health": STAFF,
    "/health?show=all&severity=error&mine=true": STAFF,
    "/health?registration={number}": STAFF,
    "/health/issues/{issue}": STAFF,
    "/keys": EVERYBODY,
    "/keys/rekey": KEY_MANAGERS,
    "/keys/{kid}/compromise": KEY_MANAGERS,
    "/connections": STAFF,
    "/connections?show=all": STAFF,
    "/connections/{connection}": STAFF,
    "/connections/{connection}/figures": STAFF,
    "/connections/{connection}/messages": STAFF,
    "/connections/{connection}/messages?direction=in&status=quarantined": STAFF,
    "/connections/{connection}/messages/{connection}/skip": OPERATORS,
    "/incidents": STAFF,
    "/incidents?state=New&connection_id={connection}": STAFF,
    "/incidents/{incident}": STAFF,
    "/connections/{connection}/disconnect": OPERATORS,
    "/connections/{connection}/suspend": OPERATORS,
    "/connections/{connection}/rekey": ADMINS,
    "/tokens": EVERYBODY,
    "/tokens/new": EVERYBODY,
    "/tokens?everyones=true": ADMINS,
    "/audit": ADMINS,
    "/audit?action=user.created": ADMINS,
}


FOR_STRANGERS = {
    "/setup",
    "/sign-in",
    "/sign-in/oidc/{slug}",
    "/sign-in/oidc/{slug}/callback",
    "/password/forgot",
    "/password/set",
    "/set-password",
    "/sign-up",
    "/sign-up/confirm",
    "/sign-up/invitation",
    "/sign-up/status",
}
"""Open to whoever comes: what they show hangs on a secret, not on a role."""

BY_WHAT_IT_IS = {
    "/account/identities/{slug}/link",  # tests/oidc
    "/account/identities/confirm",
    "/identity-providers/{provider_id}",
    "/oauth/authorize",  # test_consent
    "/options/{code}",  # of the options above
    "/registrations/{number}/contact",  # leads to a person
    "/requests/{request_id}/progress",
    "/requests/{request_id}",  # test_signing_up, and test_isolation of self-service
}
"""Open to those whom the thing itself concerns, or to be opened after something else; tried where it is at home."""


def test_every_page_has_its_row() -> None:
    shown = {
        route.path
        for router in assembly.ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and "GET" in route.methods
    }
    known = {*map(shape, PAGES), *map(shape, FOR_STRANGERS), *map(shape, BY_WHAT_IT_IS)}
    assert {path for path in shown if shape(path) not in known} == set()
    assert {*FOR_STRANGERS, *BY_WHAT_IT_IS} - shown == set()


def shape(path: str) -> str:
    """Return a path whatever its parts are called."""
    return re.sub(r"\{[^}]*\}", "{}", path.partition("?")[0])


@pytest.fixture
async def names(world: World) -> dict[str, str]:
    """What the paths above leave open, all of it really there."""
    return await world.furnished()


async def test_every_page_opens_for_the_roles_that_may_see_it_and_for_nobody_else(
    world: World, names: dict[str, str]
) -> None:
    browsers = {role: await world.browser(role) for role in Role}
    wrong = []
    for page, roles in PAGES.items():
        for role, browser in browsers.items():
            answer = await browser.get(page.format(**names))
            if answer.status_code != (200 if role in roles else 403):
                wrong.append((page, role.value, answer.status_code))
    assert wrong == []


async def test_whoever_is_not_signed_in_is_asked_to_and_comes_back(world: World, names: dict[str, str]) -> None:
    stranger = await world.stranger()
    for page in PAGES:
        answer = await stranger.get(page.format(**names))
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?next=%2F")


@pytest.mark.parametrize(("language", "saved"), [("de", "gespeichert"), ("ja", "保存しました")])
async def test_every_page_speaks_every_language_too(
    world: World, names: dict[str, str], chief: Browser, language: str, saved: str
) -> None:
    answer = await chief.follow(await chief.post("/account", name="Ada Lovelace", language=language))
    assert saved in answer.text
    for page in PAGES:
        answer = await chief.get(page.format(**names))
        assert (answer.status_code, answer.headers["content-language"]) == (200, language)


@pytest.mark.parametrize(
    ("language", "refusal", "finding"),
    [
        ("de", "Es gibt keine solche Verbindung", "Acht Ziehungen unterscheiden sich"),
        ("ja", "そのような接続はありません", "8回の生成結果がすべて異なります"),
    ],
)
async def test_refusals_and_findings_are_told_in_every_language(
    world: World, chief: Browser, language: str, refusal: str, finding: str
) -> None:
    await chief.post("/account", name="Ada Lovelace", language=language)
    assert refusal in (await chief.get("/connections/none")).text
    diagnosis = (await chief.get("/keys")).text
    assert finding in diagnosis
    assert "Signs and verifies" not in diagnosis


async def test_a_language_with_a_region_is_spoken_and_chosen_as_the_language(chief: Browser) -> None:
    await chief.post("/account", name="Ada", language="ja-JP")
    answer = await chief.get("/account")
    assert answer.headers["content-language"] == "ja"
    assert '<option value="ja" selected' in answer.text


async def test_a_form_without_the_session_s_token_changes_nothing(admin: Browser, world: World) -> None:
    answer = await admin.client.post(
        "/companies", data={"name": "Forged"}, headers={"sec-fetch-site": "same-origin", "accept": "text/html"}
    )
    assert answer.status_code == 403
    assert "csrf" in answer.text
    assert "Forged" not in (await admin.get("/companies")).text


async def test_a_form_of_another_site_is_refused(admin: Browser) -> None:
    data = {"name": "Forged", "csrf_token": await admin.token()}
    answer = await admin.client.post("/companies", data=data, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


async def test_what_a_peer_calls_itself_is_shown_as_text(world: World, chief: Browser) -> None:
    evil = "\"'><script>alert(1)</script><img src=x>"
    world.consumer.name = evil[:64]
    names = await world.furnished(company=evil, contact=evil)
    for page in ("/", "/connections", "/connections/{connection}", "/companies", "/companies/{company}",
                 "/registrations", "/registrations/{number}", "/users", "/audit", "/health"):  # fmt: skip
        text = (await chief.get(page.format(**names))).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text


async def test_an_unknown_address_is_a_page_for_people_and_a_problem_for_programs(admin: Browser) -> None:
    for_people = await admin.get("/nowhere")
    assert (for_people.status_code, for_people.headers["content-type"]) == (404, "text/html; charset=utf-8")
    for_programs = await admin.client.get("/nowhere")
    assert for_programs.json()["code"] == "not_found"
    assert (await admin.get("/api/v1/nowhere")).json()["code"] == "not_found"


async def test_every_page_keeps_the_strict_policy(admin: Browser) -> None:
    answer = await admin.get("/registrations")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text


async def test_a_method_an_address_does_not_have_is_told_with_those_it_has(chief: Browser) -> None:
    page = await chief.get("/sign-out", accept="text/html")
    assert (page.status_code, page.headers["allow"]) == (405, "POST")
    assert page.headers["content-type"].startswith("text/html")
    call = await chief.client.put("/api/v1/users", json={}, headers={"sec-fetch-site": "same-origin"})
    assert (call.status_code, call.headers["allow"]) == (405, "GET, POST")


async def test_refusals_before_any_page_bear_the_security_headers_too(chief: Browser) -> None:
    many = {f"x-header-{number}": "1" for number in range(120)}
    answer = await chief.client.get("/", headers=many)
    assert answer.status_code == 431
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_part_that_renews_itself_leads_to_the_whole_sign_in_page_and_back(world: World, chief: Browser) -> None:
    world.clock.forward(timedelta(hours=1).total_seconds())
    shown = {"hx-request": "true", "hx-current-url": f"{ISSUER}/health?state=open"}
    answer = await chief.get("/health", **shown)
    assert (answer.status_code, answer.text) == (401, "")
    assert answer.headers["hx-redirect"] == "/sign-in?next=%2Fhealth"
