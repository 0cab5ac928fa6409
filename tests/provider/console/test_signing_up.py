"""Self-service registration as people see it: signing up, proving the mailbox, being decided about, following it."""

import re

import pytest

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import CompanyFacts
from provider_service.audit.domain import SYSTEM
from provider_service.directory import service as directory
from provider_service.identity.calls import EmbeddedDirectory
from provider_service.self_service import calls
from provider_service.self_service import service as self_service
from provider_service.self_service.domain import Draft, Submission
from shared.wire.errors import Unavailable
from shared.wire.self_service import SubmitterKind
from tests.provider.console.postbox import post, secret
from tests.provider.console.world import PASSWORD, Browser, World
from tests.provider.self_service.world import left_to_the_worker

pytestmark = pytest.mark.anyio

ADA = {
    "RequestTypeCd": "ORA_CSS_REQ_TYPE_CONTACT",
    "AccountKey": "Engines",
    "EmailAddress": "ada@engines.example",
    "FirstName": "Ada",
    "LastName": "Lovelace",
}


@pytest.fixture
async def town(world: World) -> World:
    """A provider with a company."""
    await world.context.database.write(
        accounts.create_company, CompanyFacts(name="Engines"), actor=SYSTEM, now=world.now()
    )
    return world


async def pending(world: World, **fields: str) -> None:
    visitor = await world.stranger()
    await visitor.post("/sign-up", **ADA | fields)
    (letter,) = await post(world, fields.get("EmailAddress", ADA["EmailAddress"]))
    await visitor.post("/sign-up/confirm", token=secret(letter), confirmed="yes")


async def entered(world: World, email: str) -> Browser:
    """Set the password by the welcome mail and sign in."""
    (letter,) = await post(world, email)
    browser = await world.stranger()
    answer = await browser.post("/password/set", token=secret(letter), password=PASSWORD)
    assert answer.headers["location"] == "/sign-in", answer.text
    person = await world.context.database.read(directory.find_user, email)
    assert person is not None
    return await world.browser_of(person)


async def test_from_the_sign_up_to_a_colleague_who_is_let_in_by_the_first_user(town: World, admin: Browser) -> None:
    visitor = await town.stranger()
    assert 'name="AccountKey"' in (await visitor.get("/sign-up")).text
    assert 'name="AccountKey"' not in (await visitor.get("/sign-up?type=consumer")).text
    sent = await visitor.post("/sign-up", **ADA)
    assert sent.status_code == 200
    assert "A mail is on its way to ada@engines.example" in sent.text
    follow = secret(sent.text)
    assert "Mailbox not proven yet" in (await visitor.post("/sign-up/status", token=follow)).text
    assert "ada@engines.example" not in (await admin.get("/requests")).text

    (letter,) = await post(town, "ada@engines.example")
    shown = await visitor.post("/sign-up/confirm", token=secret(letter))
    assert "This was me: confirm" in shown.text
    assert "Lovelace" in shown.text
    proven = await visitor.post("/sign-up/confirm", token=secret(letter), confirmed="yes")
    assert "Your mailbox is proven" in proven.text
    assert (await visitor.post("/sign-up/confirm", token=secret(letter))).status_code == 410

    listed = (await admin.get("/requests")).text
    found = re.search(r'href="(/requests/[\w-]+)"[^>]*>ada@engines', listed)
    assert found is not None
    page = (await admin.get(found[1])).text
    assert "A contact and a user are made." in page
    assert "becomes its administrator" in page
    asked = await admin.post(f"{found[1]}/ask", note_to_applicant="Which floor?")
    assert asked.status_code == 303
    assert "Which floor?" in (await visitor.post("/sign-up/status", token=follow)).text
    answered = await visitor.post("/sign-up/status", token=follow, answer="The third")
    assert "Waiting for a decision" in answered.text
    assert (await admin.post(f"{found[1]}/approve", note_to_applicant="Welcome", internal_note="")).status_code == 303
    approved = (await admin.get(found[1])).text
    assert "Approved" in approved
    assert "User activated" in approved
    await post(town, "nobody")
    assert "You have access" in (await visitor.post("/sign-up/status", token=follow)).text


async def test_the_first_user_signs_in_and_approves_a_colleague(
    town: World, admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pending(town)
    found = re.search(r'value="([\w-]+)" aria-label="Choose ada', (await admin.get("/requests")).text)
    assert found is not None
    assert (await admin.post("/requests/decisions", ids=found[1], decision="approve")).status_code == 303
    ada = await entered(town, "ada@engines.example")
    await pending(town, EmailAddress="bea@engines.example", FirstName="Bea")
    listed = (await ada.get("/requests")).text
    bea = re.search(r'href="(/requests/[\w-]+)"[^>]*>bea@', listed)
    assert bea is not None
    assert (await ada.post(f"{bea[1]}/approve", internal_note="Rang her", note_to_applicant="Hello")).status_code == 303
    assert ["Rang her" in (await one.get(bea[1])).text for one in (ada, admin)] == [False, True]
    assert ["Hello" in (await one.get(bea[1])).text for one in (ada, admin)] == [True, True]
    people = (await ada.get("/people")).text
    assert "Ada Lovelace" in people
    assert "Bea Lovelace" in people
    assert people.count("Make administrator") == 1, "Ada is one already"
    await entered(town, "bea@engines.example")
    company = re.search(r'name="company_id" value="([\w-]+)"', people)
    assert company is not None

    async def silent(*_args: object, **_kwargs: object) -> None:
        raise Unavailable("The directory does not answer", cause="It sleeps.")

    monkeypatch.setattr(EmbeddedDirectory, "grant", silent)
    fields = {
        "do": "administrator",
        "company_id": company[1],
        "contact_id": re.findall(r'name="contact_id" value="([\w-]+)"', people)[-1],
    }
    assert (await ada.post("/people", **fields)).status_code == 303
    assert "The directory does not answer It sleeps." in (await admin.get("/people")).text
    assert "The directory does not" not in (await ada.get("/people")).text


async def test_a_request_moves_by_itself_while_the_worker_carries_it_out(
    town: World, admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pending(town)
    found = re.search(r'href="(/requests/[0-9a-f-]{36})"', (await admin.get("/requests")).text)
    assert found is not None
    moving = f'data-hx-get="{found[1]}/progress"'
    assert moving not in (await admin.get(found[1])).text

    with monkeypatch.context() as patched:
        patched.setattr(calls, "provision", left_to_the_worker)
        shown = await admin.follow(await admin.post(f"{found[1]}/approve"))
    assert "being carried out" in shown.text
    assert moving in shown.text
    await calls.provision_due(town.context)
    part = await admin.get(f"{found[1]}/progress")
    assert part.text.lstrip().startswith('<div id="request"')
    assert "User activated" in part.text
    assert moving not in part.text


async def test_a_request_is_rejected_quietly_and_withdrawn_by_its_link(town: World, admin: Browser) -> None:
    await pending(town)
    found = re.search(r'href="(/requests/[0-9a-f-]{36})"', (await admin.get("/requests")).text)
    assert found is not None
    assert (await admin.post(f"{found[1]}/reject", quietly="on")).status_code == 303
    assert await post(town, "ada@engines.example") == []
    again = await admin.post(f"{found[1]}/approve")
    assert (again.status_code, "decided already" in again.text) == (409, True)
    visitor = await town.stranger()
    follow = secret((await visitor.post("/sign-up", **ADA | {"EmailAddress": "bea@engines.example"})).text)
    assert "You have withdrawn" in (await visitor.post("/sign-up/status", token=follow, withdraw="yes")).text


async def test_faults_are_told_at_their_fields_and_closed_registration_at_the_door(town: World, admin: Browser) -> None:
    visitor = await town.stranger()
    wrong = await visitor.post("/sign-up", **ADA | {"EmailAddress": "", "AccountKey": ""})
    assert wrong.status_code == 422
    assert 'href="#field-EmailAddress"' in wrong.text
    assert 'href="#field-AccountKey"' in wrong.text
    assert (await visitor.post("/sign-up/status", token="nonsense")).status_code == 410
    await admin.post("/options/SVC_CSS_SELF_REGISTRATION", value="None")
    assert "Registration is closed" in (await visitor.get("/sign-up")).text


async def test_too_many_sign_ups_from_one_place_have_to_wait(town: World) -> None:
    visitor = await town.stranger()
    answers = [await visitor.post("/sign-up", **ADA | {"EmailAddress": f"p{n}@engines.example"}) for n in range(25)]
    assert {one.status_code for one in answers} == {200, 429}


async def test_somebody_who_is_signed_in_asks_for_themselves_and_staff_for_others(town: World, admin: Browser) -> None:
    member = await town.browser()
    assert member.person is not None
    asked = await member.post("/requests", EmailAddress=member.person.email, AccountKey="Engines")
    assert asked.status_code == 303, asked.text
    assert "Withdraw the request" in (await member.follow(asked)).text
    wrong = await admin.post("/requests", EmailAddress="cyd at engines", AccountKey="Engines")
    assert wrong.status_code == 422
    assert 'href="#field-EmailAddress"' in wrong.text
    for_another = await admin.post("/requests", EmailAddress="cyd@engines.example", AccountKey="Enginez")
    shown = await admin.follow(for_another)
    assert "does not name exactly one active account" in shown.text
    assert (await member.get(for_another.headers["location"])).status_code == 404


async def test_a_relayed_request_says_who_asks_to_mailbox_and_decider(town: World, admin: Browser) -> None:
    (company,) = await town.context.database.read(accounts.list_companies, active=True, limit=2)
    by = Submission(
        SubmitterKind.RELAYED,
        name="https://c.example",
        connection_id="connection",
        company_id=company.id,
        subject="ada",
        subject_name="Ada of C",
        subject_email="ada@c.example",
        asked_by="Ann Admin",
    )
    draft = Draft({"EmailAddress": "ada@engines.example", "LastName": "Lovelace"})
    made = await town.context.database.write(self_service.relay, draft, by, now=town.now())
    assert made.id not in (await admin.get("/requests")).text
    visitor = await town.stranger()
    (letter,) = await post(town, "ada@engines.example")
    shown = await visitor.post("/sign-up/confirm", token=secret(letter))
    assert "https://c.example asks for this on your behalf" in shown.text
    await visitor.post("/sign-up/confirm", token=secret(letter), confirmed="yes")
    page = (await admin.get(f"/requests/{made.id}")).text
    for said in ("Where it comes from", "https://c.example", "Ada of C", "Ann Admin", "another mail address for this"):
        assert said in page
    assert "Account that is meant" not in page
    listed = (await admin.get("/requests")).text
    assert "For themselves" not in listed
