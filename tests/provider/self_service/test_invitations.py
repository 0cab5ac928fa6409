"""Invitations to an account: sent, accepted once, and what becomes of whoever accepts."""

import pytest

from provider_service.self_service import calls, service
from shared.wire.errors import Conflict, ExchangeError, Gone
from shared.wire.states import Role
from tests.provider.self_service.inviting import (
    BEA,
    INVITATIONS,
    REQUESTS,
    accept,
    actions,
    invited,
    refused,
    roles,
    shown,
)
from tests.provider.self_service.world import Town, left_to_the_worker

pytestmark = pytest.mark.anyio


@pytest.fixture
async def town(house):
    return await Town(house).set_up()


async def test_whoever_is_invited_is_let_in_at_once_also_while_registration_is_closed(town):
    await town.option("SVC_CSS_SELF_REGISTRATION", "None")
    await town.option("SVC_CSS_ALLOW_CONTACT", "FALSE")
    invitation, letter = await invited(town)
    assert (invitation["state"], invitation["mails"], invitation["administrator"]) == ("open", 1, False)
    assert "Engines" in letter.text
    assert town.user(BEA) is None
    made = await accept(town, letter)
    assert made.request.state == "ORA_CSS_APPROVED"
    user = town.user(BEA)
    assert user is not None
    assert user.active
    assert await roles(town) == {(BEA, False)}
    assert [one.subject for one in await town.post() if one.to == BEA] == ["Set your password for 127.0.0.1:8000"]
    request = (await town.admin.get(f"{REQUESTS}/{made.request.id}")).json()
    assert request["decided_by"] == invitation["invited_by"]
    assert request["administrator_pending"] is True
    after = await shown(town, invitation)
    assert (after["state"], after["request_id"]) == ("accepted", made.request.id)
    assert (await calls.follow(town.context, made.secret)).id == made.request.id
    names = ["self_service_invitation.accepted", "self_service_invitation.created"]
    assert await actions(town, invitation["id"]) == names


async def test_an_administrator_is_invited_as_such(town):
    await invited(town, email="ada@engines.example")
    _, letter = await invited(town, administrator=True)
    await accept(town, letter)
    assert await roles(town) == {(BEA, False), (BEA, True)}
    user = town.user(BEA)
    assert user is not None
    assert user.roles == frozenset()


async def test_a_link_works_once_and_a_second_use_is_told(town):
    _, letter = await invited(town)
    await accept(town, letter)
    assert await refused(town, letter, Gone) == "invitation_accepted"
    assert await roles(town) == {(BEA, False)}


async def test_looking_at_a_link_however_often_uses_nothing_up(town):
    _, letter = await invited(town)
    for _ in range(100):
        found = await town.context.database.read(
            service.show_invitation, letter.secret, caller=None, now=town.house.clock()
        )
    assert (found.company_name, found.email) == ("Engines", BEA)
    await accept(town, letter)


async def test_revoked_expired_and_replaced_links_say_so(town):
    invitation, first = await invited(town)
    again = await town.staff.post(f"{INVITATIONS}/{invitation['id']}/resend")
    assert again.json()["mails"] == 2, again.text
    assert await refused(town, first, Gone) == "invitation_replaced"
    second = await town.letter(BEA, "invited")
    assert await refused(town, first, Gone) == "invitation_replaced"
    town.house.clock.advance(days=7)
    assert await refused(town, second, Gone) == "invitation_expired"
    staff = await town.house.client(Role.SN_SB_ADMIN)
    assert (await staff.get(f"{INVITATIONS}/{invitation['id']}")).json()["state"] == "expired"
    await staff.post(f"{INVITATIONS}/{invitation['id']}/resend")
    third = await town.letter(BEA, "invited")
    assert (await staff.post(f"{INVITATIONS}/{invitation['id']}/revoke")).json()["state"] == "revoked"
    assert await refused(town, third, Gone) == "invitation_revoked"
    for what in ("resend", "revoke"):
        answer = await staff.post(f"{INVITATIONS}/{invitation['id']}/{what}")
        assert (answer.status_code, answer.json()["code"]) == (409, "invitation_ended")
    assert town.user(BEA) is None


async def test_a_known_contact_is_stamped_and_keeps_its_own_data(town):
    await town.admin.post("/api/v1/contacts", json={"email": BEA, "first_name": "Beatrice"})
    _, letter = await invited(town)
    made = await accept(town, letter)
    assert made.request.outcome == "create_user"
    (contact,) = (await town.admin.get(f"/api/v1/contacts?email={BEA}")).json()["items"]
    assert (contact["first_name"], contact["user_id"]) == ("Beatrice", made.request.user_id)


async def test_what_only_staff_can_settle_goes_to_staff_who_see_who_invited(town):
    for _ in range(2):
        await town.admin.post("/api/v1/contacts", json={"email": BEA})
    invitation, letter = await invited(town, administrator=True)
    made = await accept(town, letter)
    request = (await town.admin.get(f"{REQUESTS}/{made.request.id}")).json()
    assert (request["awaits"], request["reason"]) == ("staff", "contact_several")
    evidence = (await town.admin.get(f"{REQUESTS}/{made.request.id}/evidence")).json()
    assert (evidence["invited_by"], evidence["invited_as_administrator"]) == (invitation["invited_by"], True)
    assert evidence["first_user"] is False
    assert town.user(BEA) is None


async def test_what_will_not_do_is_named_and_burns_nothing(town):
    invitation, letter = await invited(town)
    with pytest.raises(ExchangeError) as told:
        await accept(town, letter, DateOfBirth="yesterday", LoginId="ada@engines.example")
    assert told.value.code == "attribute_invalid"
    with pytest.raises(ExchangeError) as told:
        await accept(town, letter, LoginId="ada@engines.example")
    assert told.value.code == "login_invalid"
    assert (await shown(town, invitation))["state"] == "open"
    await accept(town, letter)


async def test_an_inactive_account_is_told_and_burns_nothing(town):
    invitation, letter = await invited(town)
    path = f"/api/v1/companies/{town.company}"
    for active in (False, True):
        tag = (await town.admin.get(path)).headers["etag"]
        assert (await town.admin.patch(path, json={"active": active}, headers={"if-match": tag})).status_code == 200
        if not active:
            assert await refused(town, letter, Conflict) == "company_inactive"
            again = await town.staff.post(f"{INVITATIONS}/{invitation['id']}/resend")
            assert again.json()["code"] == "company_inactive"
    await accept(town, letter)


async def test_one_mailbox_has_one_open_invitation_and_few_mails(town):
    invitation, _ = await invited(town)
    body = {"company_id": town.company, "email": BEA.upper()}
    twice = await town.staff.post(INVITATIONS, json=body)
    assert (twice.status_code, twice.json()["code"]) == (409, "invitation_open")
    answers = [await town.staff.post(f"{INVITATIONS}/{invitation['id']}/resend") for _ in range(10)]
    assert [one.status_code for one in answers] == [200] * 9 + [409]
    assert answers[-1].json()["code"] == "invitation_sent_often"


async def test_a_crash_after_accepting_is_gone_on_after(town, monkeypatch):
    _, letter = await invited(town)

    with monkeypatch.context() as patched:
        patched.setattr(calls, "provision", left_to_the_worker)
        await accept(town, letter)
    assert town.user(BEA) is None
    letters = [one for one in await town.post() if one.to == BEA]
    assert len(letters) == 1
    assert await roles(town) == {(BEA, False)}
