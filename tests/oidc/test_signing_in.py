"""Signing in by an identity provider: the way there, the way back, and who gets in."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from shared.wire.states import Role
from tests.oidc.provider import CLIENT
from tests.oidc.world import ISSUER, PASSWORD, SLUG, House

pytestmark = pytest.mark.anyio


async def test_a_linked_person_signs_in_and_goes_on_to_where_they_wanted(house: House) -> None:
    person = await house.linked("ada", Role.SN_SB_READ)
    browser = await house.stranger()
    answer = await browser.sign_in("ada", "/tokens")
    assert (answer.status_code, answer.headers["location"]) == (303, "/tokens")
    assert (await browser.api("GET", "/me")).json()["user"]["id"] == person.id
    assert house.idp.ways == ["post"]


async def test_the_provider_is_asked_for_a_code_with_fresh_secrets_and_told_none_of_ours(house: House) -> None:
    browser = await house.stranger()
    first, second = [dict(parse_qsl(urlsplit(await browser.begin()).query)) for _ in range(2)]
    fixed = {
        "tenant": "one",
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": f"{ISSUER}/sign-in/oidc/{SLUG}/callback",
        "scope": "openid email profile",
        "code_challenge_method": "S256",
    }
    fresh = ("state", "nonce", "code_challenge")
    assert first == fixed | {name: first[name] for name in fresh}
    assert all(first[name] != second[name] and len(first[name]) == 43 for name in fresh)
    assert len({first[name] for name in fresh}) == 3


async def test_a_session_is_as_good_as_one_by_password(house: House) -> None:
    await house.linked("ada", Role.ADMIN)
    local, remote = await house.browser(await house.person(Role.ADMIN)), await house.stranger()
    answer = await remote.sign_in("ada")
    given = next(cookie for cookie in answer.headers.get_list("set-cookie") if "session" in cookie)
    assert given.startswith("__Host-session-")
    assert {"httponly", "secure", "samesite=lax", "path=/"} <= set(given.lower().split("; "))
    assert set(local.client.cookies) - set(remote.client.cookies) == set()
    form = {"name": "Ada", "language": "en"}
    assert (await remote.client.post("/account", data=form)).status_code == 403
    no_token = await remote.client.post("/account", data=form, headers={"sec-fetch-site": "same-origin"})
    assert no_token.status_code == 403
    assert (await remote.post("/account", **form)).status_code == 303
    assert (await remote.post("/sign-out")).headers["location"] == "/sign-in"
    assert not await remote.inside()


async def test_a_new_session_ends_the_one_the_browser_had(house: House) -> None:
    await house.linked("ada")
    browser = await house.browser(await house.person())
    earlier = dict(browser.client.cookies)
    await browser.sign_in("ada")
    browser.client.cookies.clear()
    browser.client.cookies.update(earlier)
    assert not await browser.inside()


async def test_the_page_offers_active_providers_beside_the_password(house: House) -> None:
    shown = (await (await house.stranger()).get("/sign-in?next=/tokens")).text
    assert f"/sign-in/oidc/{SLUG}?next=/tokens" in shown
    assert 'name="password"' in shown
    await house.change(active=False)
    browser = await house.stranger()
    assert f"/sign-in/oidc/{SLUG}" not in (await browser.get("/sign-in")).text
    assert "no such identity provider" in await browser.shown(await browser.get(f"/sign-in/oidc/{SLUG}"))


async def test_the_way_on_never_leads_to_another_site(house: House) -> None:
    await house.linked("ada")
    for wish in ("//evil.example", "https://evil.example", "/\\evil"):
        assert (await (await house.stranger()).sign_in("ada", wish)).headers["location"] == "/"


async def test_an_unknown_person_is_refused_told_what_to_do_and_not_created(house: House) -> None:
    house.idp.accounts["eve"] = {"email": "eve@example.com", "email_verified": True, "name": "Eve"}
    known = await house.users()
    browser = await house.stranger()
    shown = await browser.shown(await browser.sign_in("eve"))
    assert "Nobody here is linked to this account at staff" in shown
    assert "its subject is eve" in shown
    assert not await browser.inside()
    assert await house.users() == known
    assert await house.refusals() == [("identity_unknown", "eve")]


async def test_an_equal_mail_address_lets_nobody_in(house: House) -> None:
    """Neither proven nor trusted nor where the provider may create users."""
    victim = await house.person(Role.ADMIN, email="grace@example.com")
    house.idp.accounts["eve"] = {"email": "Grace@Example.com", "email_verified": True}
    await (await house.stranger()).sign_in("eve")
    await house.change(may_create_users=True)
    await (await house.stranger()).sign_in("eve")
    await house.change(may_create_users=True, email_trusted=True)
    browser = await house.stranger()
    shown = await browser.shown(await browser.sign_in("eve"))
    assert "An equal mail address does not prove" in shown
    assert not await browser.inside()
    codes = [code for code, _ in await house.refusals()]
    assert codes == ["identity_not_linked", "identity_unknown", "identity_unknown"]
    assert (await house.admin.api("GET", f"/users/{victim.id}/identities")).json() == {"items": []}


CREATING = {"may_create_users": True, "email_trusted": True}


async def test_nobody_is_created_whose_address_is_not_proven_by_one_who_may(house: House) -> None:
    known = await house.users()
    for facts, claims in (
        ({"may_create_users": True}, {}),
        ({"email_trusted": True}, {}),
        (CREATING, {"email_verified": False}),
        (CREATING, {"email_verified": "true"}),
        (CREATING, {"email_verified": None}),
        (CREATING, {"email": "no address"}),
        (CREATING, {"email": None}),
        (CREATING | {"allowed_domains": ["example.org"]}, {}),
    ):
        house.idp.accounts["new"] = {"email": "new@example.com", "email_verified": True} | claims
        await house.change(may_create_users=False, email_trusted=False)
        await house.change(**facts)
        browser = await house.stranger()
        await browser.sign_in("new")
        assert not await browser.inside()
    assert await house.users() == known
    assert set(await house.refusals()) == {("identity_unknown", "new")}


async def test_a_provider_that_may_creates_a_user_once_and_without_roles(house: House) -> None:
    house.idp.accounts["new (userinfo)"] = {"email": "New@Example.com", "email_verified": True, "name": "New\u0007 One"}
    await house.change(**CREATING, allowed_domains=["Example.com."])
    for _ in range(2):
        browser = await house.stranger()
        assert (await browser.sign_in("new")).headers["location"] == "/account"
    made = (await browser.api("GET", "/me")).json()["user"]
    assert (made["email"], made["name"], made["roles"]) == ("New@example.com", "New One", [])
    assert (await house.users()).count("New@example.com") == 1
    identity = (await browser.api("GET", "/me/identities")).json()["items"][0]
    assert (identity["linked_by"], identity["subject"], identity["usable"]) == ("first_sign_in", "new", True)


async def test_the_address_that_changes_at_the_provider_changes_nothing_here(house: House) -> None:
    person = await house.linked("ada")
    other = await house.person()
    house.idp.accounts["ada"] = {"email": other.email, "email_verified": True}
    browser = await house.stranger()
    await browser.sign_in("ada")
    assert (await browser.api("GET", "/me")).json()["user"]["email"] == person.email


async def test_somebody_deactivated_does_not_get_in(house: House) -> None:
    person = await house.linked("ada")
    etag = (await house.admin.api("GET", f"/users/{person.id}")).headers["etag"]
    changed = await house.admin.api("PATCH", f"/users/{person.id}", {"active": False}, **{"if-match": etag})
    assert changed.status_code == 200, changed.text
    browser = await house.stranger()
    assert "may not sign in" in await browser.shown(await browser.sign_in("ada"))
    assert not await browser.inside()
    assert await house.refusals() == [("user_inactive", "ada")]


async def test_a_provider_that_is_deactivated_takes_back_whatever_began_by_its_word(house: House) -> None:
    person = await house.linked("ada", Role.ADMIN)
    remote, local = await house.stranger(), await house.browser(person)
    await remote.sign_in("ada")
    made = (await remote.api("POST", "/tokens", {"name": "t", "scopes": ["users:read"]})).json()["token"]
    under_way = await house.stranger()
    back = await under_way.answered("ada")
    await house.change(active=False)
    assert not await remote.inside()
    assert await local.inside()
    bearer = await (await house.stranger()).client.get("/api/v1/me", headers={"authorization": f"Bearer {made}"})
    assert bearer.status_code == 401
    await under_way.get(back)
    assert not await under_way.inside()


async def test_signing_in_by_password_goes_on_beside_it(house: House) -> None:
    person = await house.linked("ada")
    house.idp.answers = {path: lambda: 1 / 0 for path in ("/.well-known/openid-configuration", "/token", "/keys")}
    assert await (await house.browser(person)).inside()


async def test_the_last_administrator_with_a_password_stays(house: House) -> None:
    await house.linked("ada", Role.ADMIN, password=None)
    me = (await house.admin.api("GET", "/me")).json()["user"]
    etag = (await house.admin.api("GET", f"/users/{me['id']}")).headers["etag"]
    refused = await house.admin.api("PATCH", f"/users/{me['id']}", {"active": False}, **{"if-match": etag})
    assert (refused.status_code, refused.json()["code"]) == (409, "last_local_admin")
    assert PASSWORD not in refused.text
