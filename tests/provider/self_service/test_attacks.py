"""Attacks on registration: taking accounts before their owners do (Sudhodanan and Paverd 2022), or finding them."""

from typing import Any

import pytest
from sqlalchemy import event

from provider_service.directory import deps
from provider_service.directory import service as directory
from provider_service.directory.domain import operator
from provider_service.self_service import calls, service
from provider_service.self_service.domain import Draft
from shared.wire.errors import NotFound, Unauthenticated
from shared.wire.states import Role
from tests.provider.conftest import PASSWORD
from tests.provider.self_service.world import ADA, VISITOR, Town

pytestmark = pytest.mark.anyio

REQUESTS = "/api/v1/self-service/requests"
VICTIM = "ada@engines.example"


@pytest.fixture
async def town(house):
    return await Town(house).set_up()


async def signs_in(town: Town, name: str, password: str = PASSWORD) -> bool:
    try:
        await deps.sign_in(town.context, email=name, password=password, address="192.0.2.66")
    except Unauthenticated:
        return False
    return True


async def test_registering_somebody_else_s_address_first_leaves_the_attacker_nothing(town):
    attacked = await town.sign_up(LoginId="ada", LastName="Evil")
    assert town.user(VICTIM) is None
    await town.post()
    with pytest.raises(NotFound):
        await calls.prove(town.context, attacked.secret)  # all the attacker ever holds
    await town.approved(LastName="Lovelace")
    with pytest.raises(NotFound):
        await calls.prove(town.context, attacked.secret)
    await town.signed_in(VICTIM)
    assert await signs_in(town, VICTIM)
    assert not await signs_in(town, "ada")
    found = (await town.admin.get(f"/api/v1/contacts?email={VICTIM}")).json()["items"]
    assert [one["last_name"] for one in found] == ["Lovelace"]


async def test_a_login_chosen_by_the_attacker_opens_nothing_even_where_the_owner_confirms(town):
    made = await town.sign_up(LoginId="trojan")
    await calls.prove(town.context, (await town.letter(VICTIM, "Confirm")).secret)
    answer = await town.staff.post(f"{REQUESTS}/{made.request.id}/approve", json={})
    assert answer.json()["state"] == "ORA_CSS_APPROVED"
    for name in ("trojan", VICTIM):
        assert not await signs_in(town, name)
    letters = [one for one in await town.post() if "password" in one.subject]
    assert [one.to for one in letters] == [VICTIM]


async def test_a_session_from_before_ends_when_the_owner_sets_the_password(town):
    await town.approved()
    attacker = await town.signed_in(VICTIM)
    assert (await attacker.get("/api/v1/me")).status_code == 200
    person = town.user(VICTIM)
    cookie = town.house.cookie(person)
    with town.context.database.transaction() as session:
        link = directory.show_password_link(
            session, person.id, issuer="", caller=operator("test"), now=town.house.clock()
        )
    prepared = deps.hasher_of(town.context).prepare("the owner's own passphrase")
    secret = link.partition("#token=")[2]
    await town.context.database.write(
        directory.set_password, secret=secret, password=prepared, address="", now=town.house.clock()
    )
    with pytest.raises(Unauthenticated), town.context.database.transaction() as session:
        directory.resolve_session(session, cookie, address="", now=town.house.clock())
    assert not await signs_in(town, VICTIM)


async def test_an_open_request_of_an_attacker_is_worth_nothing_once_the_owner_is_in(town):
    await town.make_company("Evil Works")
    attacked = await town.sign_up(AccountKey="Evil Works")
    link = (await town.letter(VICTIM, "Confirm")).secret
    shown = await town.approved()
    await calls.prove(town.context, link)
    waiting = (await town.staff.get(f"{REQUESTS}/{attacked.request.id}")).json()
    assert (waiting["awaits"], waiting["reason"]) == ("staff", "not_that_user")
    answer = await town.admin.post(f"{REQUESTS}/{attacked.request.id}/approve", json={})
    assert answer.json()["code"] == "approval_refused"
    roles = (await town.admin.get("/api/v1/self-service/roles")).json()["items"]
    assert {one["company_id"] for one in roles} == {shown["company_id"]}


async def test_nobody_who_is_signed_in_ties_themselves_to_somebody_else(town):
    await town.approved()
    eve = await town.house.client()
    for changes in ({}, {"LoginId": VICTIM}, {"EmailAddress": "eve@evil.example", "LoginId": VICTIM}):
        taken = await eve.post(REQUESTS, json={"attributes": {**ADA, **changes}})
        assert taken.status_code == 422 or taken.json()["state"] == "ORA_CSS_VERIFYING", taken.text
    letters = await town.post()
    assert [one for one in letters if one.to not in {VICTIM, "eve@evil.example"} and "Confirm" in one.subject] == []


async def test_an_account_administrator_looks_nobody_of_other_accounts_up_by_asking(town):
    await town.approved()
    await town.make_company("Looms")
    other = await town.approved(EmailAddress="cyd@looms.example", AccountKey="Looms", LoginId="cyd")
    ada = await town.signed_in(VICTIM)
    seen = []
    for login, email in (("cyd", VICTIM), ("nobody-there", VICTIM)):
        attributes = {**ADA, "EmailAddress": email, "LoginId": login}
        taken = await ada.post(REQUESTS, json={"attributes": attributes})
        evidence = (await ada.get(f"{REQUESTS}/{taken.json()['id']}/evidence")).json()
        assert other["user_id"] not in str(evidence)
        assert "cyd@" not in str(evidence)
        seen.append({name: evidence[name] for name in ("outcome", "reason", "user", "companies")})
    assert seen[0] == seen[1]


async def statements(town: Town, **changes: Any) -> tuple[list[str], object]:
    """Return what a sign-up asks the database, and what it answers, ids and secrets aside."""
    said: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        said.append(statement)

    with town.context.database.transaction() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", hear)
        made = service.submit_unproven(session, Draft({**ADA, **changes}), VISITOR, now=town.house.clock())
        event.remove(connection, "before_cursor_execute", hear)
    hidden = {"id", "attributes", "email", "login", "account_key"}
    shown = {name: getattr(made.request, name) for name in made.request.__slots__ if name not in hidden}
    return said, (shown, len(made.secret))


async def test_taking_a_sign_up_does_the_same_work_and_says_the_same_whoever_is_known(town):
    await town.approved()
    await town.admin.post("/api/v1/contacts", json={"email": "con@engines.example"})
    await statements(town)  # the address has been seen
    unknown = await statements(town, EmailAddress="new@engines.example")
    assert len(unknown[0]) > 3
    for known in (
        {},
        {"EmailAddress": "con@engines.example"},
        {"EmailAddress": "new2@engines.example", "AccountKey": "Nobody"},
        {"EmailAddress": "new3@engines.example", "LoginId": "ada"},
    ):
        said, answered = await statements(town, **known)
        assert answered == unknown[1]
        assert [one for one in said if one not in unknown[0]] == []
        assert len(said) == len(unknown[0])


async def test_account_administrators_find_nothing_of_other_accounts(town):
    await town.approved()
    await town.make_company("Looms")
    other = await town.approved(EmailAddress="cyd@looms.example", AccountKey="Looms")
    ada = await town.signed_in(VICTIM)
    missing = "0197f3c0-0000-7000-8000-000000000000"
    role = (await town.admin.get(f"/api/v1/self-service/roles?company_id={other['company_id']}")).json()["items"][0]
    for method, path, body in (
        ("GET", "requests/{0}", None),
        ("GET", "requests/{0}/evidence", None),
        ("POST", "requests/{0}/approve", {}),
        ("POST", "requests/{0}/reject", {}),
        ("POST", "requests/{0}/ask", {"question": "?"}),
        ("POST", "requests/{0}/start", None),
        ("POST", "requests/{0}/withdraw", None),
    ):
        answers = [
            await ada.request(method, f"/api/v1/self-service/{path.format(one)}", json=body)
            for one in (other["id"], missing)
        ]
        assert [one.status_code for one in answers] == [404, 404], (method, path)
        assert answers[0].json()["code"] == answers[1].json()["code"]
    assert (await ada.delete(f"/api/v1/self-service/roles/{role['id']}")).status_code == 404
    grant = {"company_id": other["company_id"], "contact_id": other["contact_id"], "administrator": True}
    assert (await ada.post("/api/v1/self-service/roles", json=grant)).status_code == 404
    at = f"/api/v1/self-service/companies/{other['company_id']}/contacts/{other['contact_id']}/suspension"
    assert (await ada.put(at, json={"suspended": True})).status_code == 404
    assert (await ada.get(f"/api/v1/self-service/roles?company_id={other['company_id']}")).json()["items"] == []
    assert Role.ADMIN not in town.user(VICTIM).roles


async def test_internal_notes_are_the_staffs_alone_whoever_wrote_them(town):
    """Neither an account's administrator nor, on a request of its own, anybody else sees them, in the API and lists."""
    await town.approved()
    await town.approved(EmailAddress="bea@engines.example")
    ada, bea = [await town.signed_in(f"{name}@engines.example") for name in ("ada", "bea")]
    await town.make_company("Looms")
    further = {**ADA, "EmailAddress": "bea@engines.example", "AccountKey": "Looms"}
    own = (await bea.post(REQUESTS, json={"attributes": further})).json()["id"]
    colleague = await town.proven(EmailAddress="cyd@engines.example")
    note = {"internal_note": "Rang them", "note_to_applicant": "Welcome"}
    assert (await ada.post(f"{REQUESTS}/{colleague}/approve", json=note)).json()["state"] == "ORA_CSS_APPROVED"
    assert (await town.staff.post(f"{REQUESTS}/{own}/reject", json=note)).status_code == 200
    reader = await town.house.client(Role.SN_SB_READ)
    for request_id, clients in ((colleague, (ada,)), (own, (bea,))):
        for client in clients:
            listed = {one["id"]: one for one in (await client.get(REQUESTS)).json()["items"]}
            for shown in (listed[request_id], (await client.get(f"{REQUESTS}/{request_id}")).json()):
                assert [one["text"] for one in shown["remarks"]] == ["Welcome"]
        for client in (town.staff, reader):
            shown = (await client.get(f"{REQUESTS}/{request_id}")).json()
            assert [one["text"] for one in shown["remarks"]] == ["Welcome", "Rang them"]
