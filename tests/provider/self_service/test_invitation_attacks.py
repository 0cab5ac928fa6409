"""Attacks on invitations: more than was given, twice, for somebody else, by somebody else, by guessing."""

import asyncio

import httpx
import pytest
from sqlalchemy import text

from provider_service.self_service import calls
from shared.wire.errors import Conflict, Gone, NotFound
from shared.wire.states import Role
from tests.provider.self_service.inviting import (
    BEA,
    INVITATIONS,
    NAMES,
    REQUESTS,
    ROLES,
    accept,
    administrator,
    contact_of,
    invited,
    refused,
    roles,
    shown,
)
from tests.provider.self_service.world import Town

pytestmark = pytest.mark.anyio


@pytest.fixture
async def town(house):
    return await Town(house).set_up()


async def test_account_mailbox_and_role_are_the_invitation_s_whatever_the_form_says(town):
    other = await town.make_company("Looms")
    _, letter = await invited(town)
    made = await accept(
        town,
        letter,
        AccountKey="Looms",
        EmailAddress="eve@evil.example",
        RequestTypeCd="ORA_CSS_REQ_TYPE_CONSUMER",
    )
    request = (await town.admin.get(f"{REQUESTS}/{made.request.id}")).json()
    assert (request["company_id"], request["email"], request["type"]) == (
        town.company,
        BEA,
        "ORA_CSS_REQ_TYPE_CONTACT",
    )
    assert request["company_id"] != other
    assert await roles(town) == {(BEA, False)}
    assert town.user("eve@evil.example") is None
    for body in ({"role": "admin"}, {"roles": ["admin"]}, {"administrator": "admin"}):
        wrong = {"company_id": town.company, "email": "cyd@engines.example", **body}
        assert (await town.staff.post(INVITATIONS, json=wrong)).status_code == 422


async def test_an_account_s_administrator_invites_to_that_account_alone(town):
    ada = await administrator(town)
    other = await town.make_company("Looms")
    theirs, _ = await invited(town, email="cyd@looms.example", company_id=other)
    invitation, letter = await invited(town, by=ada, administrator=True)
    for answer in (
        await ada.post(INVITATIONS, json={"company_id": other, "email": BEA}),
        await ada.get(f"{INVITATIONS}/{theirs['id']}"),
        await ada.post(f"{INVITATIONS}/{theirs['id']}/resend"),
        await ada.post(f"{INVITATIONS}/{theirs['id']}/revoke"),
        await ada.post(f"{INVITATIONS}/unknown/revoke"),
    ):
        assert answer.status_code == 404, answer.text
    listed = (await ada.get(INVITATIONS)).json()["items"]
    assert [one["id"] for one in listed] == [invitation["id"]]
    assert (await ada.get(f"{INVITATIONS}?company_id={other}")).json()["items"] == []
    assert len((await town.staff.get(INVITATIONS)).json()["items"]) == 2
    await accept(town, letter)
    assert (BEA, True) in await roles(town)


async def test_nobody_else_invites_or_sees_invitations(town):
    invitation, letter = await invited(town)
    await accept(town, letter)
    reader = await town.house.client(Role.SN_SB_READ)
    assert (await reader.post(INVITATIONS, json={"company_id": town.company, "email": BEA})).status_code == 403
    assert (await reader.post(f"{INVITATIONS}/{invitation['id']}/revoke")).status_code == 403
    assert len((await reader.get(INVITATIONS)).json()["items"]) == 1
    bea = await town.signed_in(BEA)
    assert (await bea.get(INVITATIONS)).json()["items"] == []
    assert (await bea.post(INVITATIONS, json={"company_id": town.company, "email": BEA})).status_code == 404
    assert (await bea.get(f"{INVITATIONS}/{invitation['id']}")).status_code == 404


async def test_two_clicks_at_once_have_one_effect(town):
    _, letter = await invited(town)
    done = await asyncio.gather(*(accept(town, letter) for _ in range(3)), return_exceptions=True)
    refusals = [one for one in done if isinstance(one, BaseException)]
    assert len(refusals) == 2
    assert all(isinstance(one, Gone) for one in refusals), refusals
    assert len((await town.admin.get(REQUESTS)).json()["items"]) == 1
    assert len([one for one in await town.post() if one.to == BEA]) == 1


async def test_revoking_and_accepting_at_once_ends_in_one_of_both(town):
    invitation, letter = await invited(town)
    accepted, revoked = await asyncio.gather(
        accept(town, letter), town.staff.post(f"{INVITATIONS}/{invitation['id']}/revoke"), return_exceptions=True
    )
    assert isinstance(revoked, httpx.Response)
    in_ = not isinstance(accepted, BaseException)
    assert (revoked.status_code == 409) == in_
    assert (await shown(town, invitation))["state"] == ("accepted" if in_ else "revoked")
    assert (town.user(BEA) is not None) == in_


async def test_a_mail_that_is_overtaken_or_comes_too_late_carries_no_link(town):
    answer = await town.staff.post(INVITATIONS, json={"company_id": town.company, "email": BEA})
    invitation = answer.json()
    await town.staff.post(f"{INVITATIONS}/{invitation['id']}/resend")
    letters = [one for one in await town.post() if one.to == BEA]
    assert len(letters) == 1
    await town.staff.post(f"{INVITATIONS}/{invitation['id']}/resend")
    await town.staff.post(f"{INVITATIONS}/{invitation['id']}/revoke")
    assert [one for one in await town.post() if one.to == BEA] == []


async def test_guessing_gives_the_same_answer_whatever_there_is(town):
    made = await town.sign_up()
    invitation, letter = await invited(town)
    _, proof = None, await town.sign_up(EmailAddress=BEA)
    said = set()
    for guess in (made.secret, proof.secret, invitation["id"], letter.secret[:-1], letter.secret.swapcase(), "", "x"):
        with pytest.raises(NotFound) as told:
            await calls.accept(town.context, guess, NAMES, caller=None, address="")
        said.add((told.value.code, told.value.detail, told.value.cause, told.value.fix))
    assert len(said) == 1
    with pytest.raises(NotFound):
        await calls.prove(town.context, letter.secret)
    with pytest.raises(NotFound):
        await calls.follow(town.context, letter.secret)


async def test_the_secret_is_kept_as_a_hash_alone(town):
    _, letter = await invited(town)
    await accept(town, letter)
    with town.context.database.transaction() as session:
        tables = ("self_service_invitations", "self_service_invitation_secrets", "audit_entries", "mails")
        for table in tables:
            rows = [tuple(row) for row in session.execute(text(f"SELECT * FROM {table}"))]
            assert rows
            assert letter.secret not in str(rows)


async def test_a_known_user_signs_in_first_and_the_wrong_one_burns_nothing(town):
    await town.approved()
    looms = await town.make_company("Looms")
    invitation, letter = await invited(town, email="ada@engines.example", company_id=looms)
    assert await refused(town, letter, Conflict) == "sign_in_first"
    eve = await town.house.client()
    body = {"token": letter.secret, "attributes": NAMES}
    answer = await eve.post(f"{INVITATIONS}/acceptance", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "invitation_for_another")
    assert (await shown(town, invitation))["state"] == "open"
    ada = await town.signed_in("ada@engines.example")
    answer = await ada.post(f"{INVITATIONS}/acceptance", json=body)
    assert (answer.status_code, answer.json()["state"]) == (201, "ORA_CSS_APPROVED"), answer.text
    assert answer.json()["outcome"] == "further_account"
    held = (await town.admin.get(f"{ROLES}?company_id={looms}")).json()["items"]
    assert [one["administrator"] for one in held] == [False]
    contacts = (await town.admin.get("/api/v1/contacts?email=ada@engines.example")).json()["items"]
    assert [one["last_name"] for one in contacts] == ["Lovelace"]


async def test_a_login_of_somebody_else_opens_nothing_and_goes_to_staff(town):
    await town.approved(LoginId="ada")
    _, letter = await invited(town, administrator=True)
    made = await accept(town, letter, LoginId="ada")
    assert made.request.state == "ORA_CSS_PENDING"
    request = (await town.admin.get(f"{REQUESTS}/{made.request.id}")).json()
    assert (request["awaits"], request["reason"]) == ("staff", "not_that_user")
    answer = await town.admin.post(f"{REQUESTS}/{made.request.id}/approve", json={})
    assert answer.json()["code"] == "approval_refused"
    assert (BEA, True) not in await roles(town)


async def test_where_account_administrators_may_not_decide_their_invitations_wait_for_staff(town):
    ada = await administrator(town)
    await town.option("SVC_CSS_ACCT_ADMIN_APPROVE", "FALSE")
    _, letter = await invited(town, by=ada)
    made = await accept(town, letter)
    request = (await town.admin.get(f"{REQUESTS}/{made.request.id}")).json()
    assert (request["state"], request["awaits"]) == ("ORA_CSS_PENDING", "staff")
    assert town.user(BEA) is None
    assert (await ada.post(f"{REQUESTS}/{made.request.id}/approve", json={})).status_code == 403
    assert (await town.staff.post(f"{REQUESTS}/{made.request.id}/approve", json={})).status_code == 200
    assert (BEA, False) in await roles(town)


async def test_an_invitation_is_worth_no_more_than_whoever_sent_it(town):
    ada = await administrator(town)
    _, letter = await invited(town, by=ada)
    cyd, staffed = await invited(town, email="cyd@engines.example", administrator=True)
    await accept(town, staffed)
    (role,) = [
        one
        for one in (await town.admin.get(ROLES)).json()["items"]
        if one["administrator"] and one["contact_id"] != await contact_of(town, "cyd@engines.example")
    ]
    assert (await town.staff.delete(f"{ROLES}/{role['id']}")).status_code == 204
    assert await refused(town, letter, Gone) == "invitation_void"
    assert (await ada.post(INVITATIONS, json={"company_id": town.company, "email": "d@e.example"})).status_code == 404
    mine = next(one for one in (await town.staff.get(INVITATIONS)).json()["items"] if one["id"] != cyd["id"])
    assert (await town.staff.post(f"{INVITATIONS}/{mine['id']}/resend")).status_code == 200
    await accept(town, await town.letter(BEA, "invited"))
    assert (BEA, False) in await roles(town)


async def test_an_invitation_switches_nobody_on_again_who_is_suspended(town):
    await administrator(town)
    await town.approved(EmailAddress=BEA)
    contact_id = await contact_of(town, BEA)
    at = f"/api/v1/self-service/companies/{town.company}/contacts/{contact_id}"
    assert (await town.staff.put(f"{at}/suspension", json={"suspended": True})).json()["enabled"] is False
    _, letter = await invited(town, administrator=True)
    bea = await town.signed_in(BEA)
    answer = await bea.post(f"{INVITATIONS}/acceptance", json={"token": letter.secret})
    assert answer.status_code == 201, answer.text
    assert (await bea.get(INVITATIONS)).json()["items"] == []
    tie = (await town.admin.get(f"/api/v1/companies/{town.company}/contacts/{contact_id}")).json()
    assert tie["enabled"] is False


async def test_an_account_s_administrators_make_no_mail_cannon_of_it(town, monkeypatch):
    ada = await administrator(town)
    monkeypatch.setattr("provider_service.self_service.service.invitations.INVITATIONS_A_DAY", 2)
    for number in range(2):
        invitation, _ = await invited(town, by=ada, email=f"p{number}@engines.example")
        await ada.post(f"{INVITATIONS}/{invitation['id']}/revoke")
    full = await ada.post(INVITATIONS, json={"company_id": town.company, "email": BEA})
    assert (full.status_code, full.json()["code"]) == (429, "invitations_too_many")
    await invited(town)


async def test_an_invitation_as_administrator_is_for_its_own_account_also_where_staff_choose_another(town):
    looms = await town.make_company("Looms")
    for _ in range(2):
        await town.admin.post("/api/v1/contacts", json={"email": BEA})
    _, letter = await invited(town, administrator=True)
    made = await accept(town, letter)
    at = f"{REQUESTS}/{made.request.id}"
    assert (await town.staff.put(f"{at}/company", json={"company_id": looms})).status_code == 200
    first, second = (await town.admin.get(f"/api/v1/contacts?email={BEA}")).json()["items"]
    await town.admin.post(f"/api/v1/contacts/{first['id']}/merge", json={"into_id": second["id"]})
    answer = await town.staff.post(f"{at}/approve", json={})
    assert (answer.json()["state"], answer.json()["administrator_pending"]) == ("ORA_CSS_APPROVED", True), answer.text
    held = (await town.admin.get(ROLES)).json()["items"]
    assert [(one["company_id"], one["administrator"]) for one in held] == [(looms, False)]
