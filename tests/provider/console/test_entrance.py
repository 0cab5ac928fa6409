"""Getting in: the first administrator, signing in, forgotten and new passwords."""

import html
import re

import pytest

from shared.wire.states import Role
from tests.provider.console.world import PASSWORD, Browser, World

pytestmark = pytest.mark.anyio

OTHER = "another quite long password"


async def test_the_printed_token_makes_the_first_administrator_once(bare: World) -> None:
    token = await bare.setup_token()
    browser = await bare.stranger()
    assert (await browser.get("/sign-in")).headers["location"] == "/setup"
    fields = {"token": token, "name": "Ada Lovelace", "email": "ada@example.com", "password": PASSWORD}
    answer = await browser.post("/setup", **fields)
    assert answer.headers["location"] == "/instance"
    assert "Create provider record" in (await browser.get("/instance")).text
    again = await (await bare.stranger()).post("/setup", **fields)
    assert again.status_code in {409, 410}


async def test_a_wrong_setup_token_is_told_and_a_weak_password_keeps_the_token(bare: World) -> None:
    token = await bare.setup_token()
    browser = await bare.stranger()
    fields = {"name": "Ada", "email": "ada@example.com"}
    assert (await browser.post("/setup", token="wrong", password=PASSWORD, **fields)).status_code == 410
    weak = await browser.post("/setup", token=token, password="short", **fields)
    assert weak.status_code == 422
    assert f'name="token" value="{token}"' in weak.text
    assert "short" not in re.sub(r'name="csrf_token".*', "", weak.text)


async def test_a_wrong_password_is_told_the_same_way_as_an_unknown_address(world: World) -> None:
    person = await world.person(Role.ADMIN)
    browser = await world.stranger()
    wrong = await browser.post("/sign-in", email=person.email, password=OTHER)
    unknown = await browser.post("/sign-in", email="nobody@example.com", password=OTHER)
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace(person.email, "") == unknown.text.replace("nobody@example.com", "")


async def test_signing_in_leads_back_and_never_to_another_site(world: World) -> None:
    person = await world.person(Role.ADMIN)
    for wish, led in (("/keys", "/keys"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/\\evil", "/")):
        browser = await world.stranger()
        answer = await browser.post("/sign-in", email=person.email, password=PASSWORD, next=wish)
        assert answer.headers["location"] == led


async def test_signing_in_from_another_site_is_refused(world: World) -> None:
    person = await world.person(Role.ADMIN)
    browser = await world.stranger()
    answer = await browser.client.post(
        "/sign-in", data={"email": person.email, "password": PASSWORD}, headers={"sec-fetch-site": "cross-site"}
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_signing_out_ends_the_session(admin: Browser) -> None:
    assert (await admin.post("/sign-out")).headers["location"] == "/sign-in"
    assert (await admin.get("/")).status_code == 303


async def test_a_forgotten_password_is_answered_alike_for_known_and_unknown(world: World) -> None:
    person = await world.person(Role.ADMIN)
    browser = await world.stranger()
    known = await browser.post("/password/forgot", email=person.email)
    unknown = await browser.post("/password/forgot", email="nobody@example.com")
    assert (known.status_code, known.text) == (unknown.status_code, unknown.text)


async def test_a_password_link_sets_the_password_once(world: World, admin: Browser) -> None:
    person = await world.person(Role.SN_SB_READ)
    shown = await admin.post(f"/users/{person.id}/password-link")
    link = html.unescape(re.search(r'value="([^"]*#token=[^"]*)"', shown.text)[1])
    address, _, token = link.partition("#token=")
    stranger = await world.stranger()
    assert (await stranger.get(address.removeprefix(world.issuer))).status_code == 200
    assert (await stranger.post("/password/set", token=token, password="short")).status_code == 422
    done = await stranger.post("/password/set", token=token, password=OTHER)
    assert done.headers["location"] == "/sign-in"
    assert (await stranger.post("/sign-in", email=person.email, password=OTHER)).status_code == 303
    assert (await stranger.post("/password/set", token=token, password=OTHER)).status_code == 410


async def test_changing_one_s_password_ends_every_other_session(world: World) -> None:
    person = await world.person(Role.ADMIN)
    here, there = await world.browser_of(person), await world.browser_of(person)
    assert (await here.post("/account/password", old_password=OTHER, password=OTHER)).status_code == 401
    assert (await here.post("/account/password", old_password=PASSWORD, password=OTHER)).status_code == 303
    assert (await here.get("/")).status_code == 200
    assert (await there.get("/")).status_code == 303


async def test_an_api_token_is_shown_once_and_can_be_revoked(admin: Browser) -> None:
    assert (await admin.post("/tokens", name="reporting", expires_in_days="90")).status_code == 422
    made = await admin.post("/tokens", name="reporting", expires_in_days="90", scopes=["events:read"])
    assert made.status_code == 201
    secret = re.search(r'value="(sx_[^"]*)"', made.text)[1]
    listed = (await admin.get("/tokens")).text
    assert secret not in listed
    token_id = re.search(r"/tokens/([^/\"]+)/revoke", listed)[1]
    assert (await admin.post(f"/tokens/{token_id}/revoke")).status_code == 303
    assert f"/tokens/{token_id}/revoke" not in (await admin.get("/tokens")).text
