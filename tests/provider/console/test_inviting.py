"""Invitations as people see them: inviting, looking at the link, accepting it, and what is said when it has ended."""

import re

import pytest

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import CompanyFacts
from provider_service.audit.domain import SYSTEM
from provider_service.directory import service as directory
from tests.provider.console.postbox import post, secret
from tests.provider.console.world import PASSWORD, Browser, World

pytestmark = pytest.mark.anyio

BEA = "bea@engines.example"
LINK = "/sign-up/invitation"


@pytest.fixture
async def company_id(world: World) -> str:
    """A provider with a company."""
    made = await world.context.database.write(
        accounts.create_company, CompanyFacts(name="Engines"), actor=SYSTEM, now=world.now()
    )
    return made.id


async def invited(world: World, by: Browser, company_id: str, email: str = BEA, **fields: str) -> str:
    """Invite somebody; return the secret of the link."""
    answer = await by.post("/invitations", company_id=company_id, email=email, language="en", **fields)
    assert answer.status_code == 303, answer.text
    (letter,) = await post(world, email)
    assert LINK in letter
    return secret(letter)


async def entered(world: World, email: str) -> Browser:
    """Set the password by the welcome mail and sign in."""
    (letter,) = await post(world, email)
    browser = await world.stranger()
    assert (await browser.post("/password/set", token=secret(letter), password=PASSWORD)).status_code == 303
    person = await world.context.database.read(directory.find_user, email)
    assert person is not None
    return await world.browser_of(person)


async def test_an_invited_administrator_signs_in_and_invites_a_colleague(
    world: World, admin: Browser, company_id: str
) -> None:
    link = await invited(world, admin, company_id, administrator="on")
    listed = (await admin.get("/invitations")).text
    assert "Waiting" in listed
    visitor = await world.stranger()
    assert 'data-fragment-form="token"' in (await visitor.get(LINK)).text
    for _ in range(3):
        shown = await visitor.post(LINK, token=link)
        assert shown.status_code == 200
        assert "Engines" in shown.text
        assert BEA in shown.text
    wrong = await visitor.post(LINK, token=link, accepted="yes", DateOfBirth="yesterday")
    assert (wrong.status_code, "Enter a date like 2001-12-31." in wrong.text) == (422, True)
    done = await visitor.post(
        LINK, token=link, accepted="yes", FirstName="Bea", LastName="Babbage", EmailAddress="eve@evil.example"
    )
    assert "You have access" in done.text, done.text
    assert "Approved" in (await visitor.post("/sign-up/status", token=secret(done.text))).text
    again = await visitor.post(LINK, token=link, accepted="yes")
    assert (again.status_code, "accepted already" in again.text) == (410, True)
    bea = await entered(world, BEA)
    assert "Invite somebody" in (await bea.get("/invitations")).text
    await invited(world, bea, company_id, "cyd@engines.example")
    people = (await admin.get("/people")).text
    assert "Bea Babbage" in people
    assert "Accepted" in (await admin.get("/invitations")).text


async def test_a_link_says_why_it_has_ended(world: World, admin: Browser, company_id: str) -> None:
    first = await invited(world, admin, company_id)
    at = re.search(r'action="(/invitations/[\w-]+)/resend"', (await admin.get("/invitations")).text)
    assert at is not None
    assert (await admin.post(f"{at[1]}/resend")).status_code == 303
    (letter,) = await post(world, BEA)
    visitor = await world.stranger()
    replaced = await visitor.post(LINK, token=first)
    assert (replaced.status_code, "A later mail replaced this link" in replaced.text) == (410, True)
    assert (await visitor.post(LINK, token=secret(letter))).status_code == 200
    assert (await admin.post(f"{at[1]}/revoke")).status_code == 303
    revoked = await visitor.post(LINK, token=secret(letter), accepted="yes")
    assert (revoked.status_code, "This invitation was taken back" in revoked.text) == (410, True)
    twice = await admin.post(f"{at[1]}/revoke")
    assert "The invitation has ended" in (await admin.get(twice.headers["location"])).text
    guessed = await visitor.post(LINK, token="nonsense", accepted="yes")
    assert (guessed.status_code, "This link does not work" in guessed.text) == (410, True)


async def test_whoever_is_signed_in_accepts_as_themselves_or_not_at_all(
    world: World, admin: Browser, company_id: str
) -> None:
    member = await world.browser()
    assert member.person is not None
    link = await invited(world, admin, company_id, member.person.email)
    visitor = await world.stranger()
    known = await visitor.post(LINK, token=link)
    assert (known.status_code, "You are known here already" in known.text) == (409, True)
    other = await admin.post(LINK, token=link, accepted="yes")
    assert (other.status_code, "You are signed in as somebody else" in other.text) == (409, True)
    assert 'name="LoginId"' not in (await member.post(LINK, token=link)).text
    done = await member.post(LINK, token=link, accepted="yes")
    assert "You have access" in done.text, done.text


async def test_who_may_not_invite_sees_no_form_and_is_refused(world: World, company_id: str) -> None:
    member = await world.browser()
    assert "Invite somebody" not in (await member.get("/invitations")).text
    refused = await member.post("/invitations", company_id=company_id, email=BEA, language="en")
    assert "There is no such account" in (await member.get(refused.headers["location"])).text
    assert await post(world, BEA) == []


async def test_a_form_that_will_not_do_says_so(admin: Browser, company_id: str) -> None:
    wrong = await admin.post("/invitations", company_id="", email="nobody", language="en")
    assert wrong.status_code == 422
    assert "Choose a company." in wrong.text
    assert "Enter an e-mail address like name@example.com." in wrong.text
