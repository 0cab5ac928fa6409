"""Whose account is whose: linked by proof of both or by an administrator, and ended by a password set by a link."""

import asyncio
import html
import re
from typing import Any

import pytest

from shared.wire.states import Role
from tests.oidc.world import PASSWORD, SLUG, Browser, House

pytestmark = pytest.mark.anyio

LINK = f"/account/identities/{SLUG}/link"
OTHER = "another quite long password"
_KEY = re.compile(r'name="key" value="([^"]+)"')


async def proven(browser: Browser, subject: str) -> str:
    """Prove an account; return the key of what waits for a confirmation."""
    shown = await browser.shown(await browser.get(await browser.answered(subject, LINK)))
    assert "Link this account?" in shown
    found = _KEY.search(shown)
    assert found is not None
    return html.unescape(found[1])


async def linked(browser: Browser) -> list[tuple[str, str, bool]]:
    items = (await browser.api("GET", "/me/identities")).json()["items"]
    return [(item["subject"], item["linked_by"], item["usable"]) for item in items]


async def test_a_person_links_an_account_by_proving_both_and_confirming(house: House) -> None:
    person = await house.person()
    house.idp.accounts["ada"] = {"email": "ada@work.example"}
    browser = await house.browser(person)
    assert f"{LINK}" in (await browser.get("/account")).text
    key = await proven(browser, "ada")
    assert "ada@work.example" in (await browser.get("/account/identities/confirm")).text
    assert await linked(browser) == []
    assert (await browser.post("/account/identities", key=key)).headers["location"] == "/account"
    assert await linked(browser) == [("ada", "person", True)]
    remote = await house.stranger()
    await remote.sign_in("ada")
    assert (await remote.api("GET", "/me")).json()["user"]["id"] == person.id


async def test_nothing_is_linked_without_the_form_s_token(house: House) -> None:
    browser = await house.browser(await house.person())
    key = await proven(browser, "ada")
    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-origin"}):
        answer = await browser.client.post("/account/identities", data={"key": key}, headers=headers)
        assert answer.status_code == 403
    assert await linked(browser) == []


async def test_a_proof_is_confirmed_by_the_same_person_in_the_same_browser(house: House) -> None:
    victim, thief = await house.person(), await house.person()
    browser, elsewhere, other = await house.browser(victim), await house.browser(victim), await house.browser(thief)
    key = await proven(browser, "eve")
    for wrong in (elsewhere, other):
        shown = await wrong.shown(await wrong.post("/account/identities", key=key))
        assert "cannot be completed" in shown
        assert "There is no account that waits" in await wrong.shown(await wrong.get("/account/identities/confirm"))
    house.clock.forward(600)
    await browser.post("/account/identities", key=key)
    assert await linked(browser) == await linked(other) == []


async def test_an_answer_about_a_link_is_no_sign_in_and_for_the_person_who_asked(house: House) -> None:
    first, second = await house.person(), await house.person()
    browser = await house.browser(first)
    back = await browser.answered("eve", LINK)
    await browser.post("/sign-out")
    assert "cannot be completed" in await browser.shown(await browser.get(back))
    assert not await browser.inside()
    await browser.post("/sign-in", email=second.email, password=PASSWORD)
    assert "cannot be completed" in await browser.shown(await browser.get(back))


async def test_an_account_is_one_person(house: House) -> None:
    await house.linked("ada")
    browser = await house.browser(await house.person())
    key = await proven(browser, "ada")
    shown = await browser.shown(await browser.post("/account/identities", key=key))
    assert "linked to another person here" in shown
    body = {"provider_id": house.provider["id"], "subject": "ada"}
    other = await house.person()
    answer = await house.admin.api("POST", f"/users/{other.id}/identities", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "identity_taken")


async def test_only_those_who_may_give_key_roles_link_their_holders(house: House) -> None:
    keeper = await house.person(Role.SN_KMF_ADMIN)
    body = {"provider_id": house.provider["id"], "subject": "eve"}
    answer = await house.admin.api("POST", f"/users/{keeper.id}/identities", body)
    assert answer.status_code == 403
    browser = await house.stranger()
    await browser.sign_in("eve")
    assert not await browser.inside()


async def test_a_password_set_by_a_link_ends_what_was_linked_and_begun_before(house: House) -> None:
    """Whoever had got into the account before is out: links, sessions and tokens of theirs too."""
    person = await house.linked("eve")
    intruder = await house.stranger()
    await intruder.sign_in("eve")
    made = (await intruder.api("POST", "/tokens", {"name": "t", "scopes": ["users:read"]})).json()["token"]
    waiting = await house.browser(person)
    key = await proven(waiting, "mallory")
    assert (await house.reset(person, OTHER)).headers["location"] == "/sign-in?next=%2Faccount"
    assert not await intruder.inside()
    bearer = await (await house.stranger()).client.get("/api/v1/me", headers={"authorization": f"Bearer {made}"})
    assert bearer.status_code == 401
    shown = await intruder.shown(await intruder.sign_in("eve"))
    assert "does not count any more" in shown
    assert (await house.refusals())[0] == ("identity_unconfirmed", "eve")
    owner = await house.browser(person, OTHER)
    owner.client.cookies.update({name: value for name, value in waiting.client.cookies.items() if "browser" in name})
    assert "cannot be completed" in await owner.shown(await owner.post("/account/identities", key=key))
    assert await linked(owner) == [("eve", "administrator", False)]
    assert "have to be linked again" in (await owner.get("/account")).text


async def test_what_a_reset_has_ended_counts_again_when_it_is_linked_anew(house: House) -> None:
    person = await house.linked("ada")
    await house.reset(person, OTHER)
    owner = await house.browser(person, OTHER)
    await owner.post("/account/identities", key=await proven(owner, "ada"))
    assert await linked(owner) == [("ada", "person", True)]
    remote = await house.stranger()
    await remote.sign_in("ada")
    assert await remote.inside()


async def test_an_unlinked_account_ends_what_began_by_it_and_nothing_else(house: House) -> None:
    person = await house.linked("ada")
    second = await house.link(person, "ada at home")
    work, home, local = await house.stranger(), await house.stranger(), await house.browser(person)
    await work.sign_in("ada")
    await home.sign_in("ada at home")
    made = (await home.api("POST", "/tokens", {"name": "t", "scopes": ["users:read"]})).json()["token"]
    answer = await local.api("DELETE", f"/me/identities/{second['id']}")
    assert answer.status_code == 204
    assert not await home.inside()
    assert await work.inside()
    assert await local.inside()
    bearer = await (await house.stranger()).client.get("/api/v1/me", headers={"authorization": f"Bearer {made}"})
    assert bearer.status_code == 401
    await home.sign_in("ada at home")
    assert not await home.inside()


async def test_nobody_ends_their_only_way_in_or_a_link_of_others(house: House) -> None:
    person = await house.linked("ada", password=None)
    mine = (await house.admin.api("GET", f"/users/{person.id}/identities")).json()["items"][0]
    browser = await house.stranger()
    await browser.sign_in("ada")
    answer = await browser.api("DELETE", f"/me/identities/{mine['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "last_way_in")
    shown = await browser.shown(await browser.post(f"/account/identities/{mine['id']}/unlink"))
    assert "This is your only way to sign in" in shown
    other = await house.browser(await house.person())
    assert (await other.api("DELETE", f"/me/identities/{mine['id']}")).status_code == 404
    assert (await other.api("DELETE", f"/users/{person.id}/identities/{mine['id']}")).status_code == 403
    assert await linked(browser) == [("ada", "administrator", True)]


async def test_two_who_come_first_in_one_moment_become_one_user(house: House) -> None:
    house.idp.accounts["new"] = {"email": "new@example.com", "email_verified": True}
    await house.change(may_create_users=True, email_trusted=True)
    browsers = [await house.stranger() for _ in range(4)]
    backs = [await browser.answered("new") for browser in browsers]
    answers = await asyncio.gather(*(browser.get(back) for browser, back in zip(browsers, backs, strict=True)))
    assert [answer.status_code for answer in answers] == [303] * 4
    assert (await house.users()).count("new@example.com") == 1
    later = await house.stranger()
    await later.sign_in("new")
    assert await later.inside()


async def test_every_change_of_links_is_written_down(house: House) -> None:
    person = await house.linked("ada")
    browser = await house.browser(person)
    await browser.post("/account/identities", key=await proven(browser, "home"))
    items: list[dict[str, Any]] = (await house.admin.api("GET", f"/users/{person.id}/identities")).json()["items"]
    for item in items:
        gone = await house.admin.api("DELETE", f"/users/{person.id}/identities/{item['id']}")
        assert gone.status_code == 204
    trail = (await house.admin.api("GET", f"/audit?subject_type=user&subject_id={person.id}")).json()["items"]
    told = [(entry["action"], (entry["after"] or entry["before"] or {}).get("subject")) for entry in reversed(trail)]
    assert [one for one in told if one[0].startswith("identity.")] == [
        ("identity.linked", "ada"),
        ("identity.linked", "home"),
        ("identity.unlinked", "ada"),
        ("identity.unlinked", "home"),
    ]
