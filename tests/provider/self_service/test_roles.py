"""What each row of the seed for a user there is gives, and which ways lead to the last administrator."""

import pytest

from tests.provider.self_service.world import Town

pytestmark = pytest.mark.anyio

REQUESTS = "/api/v1/self-service/requests"
ROLES = "/api/v1/self-service/roles"
B2C = {"EmailAddress": "gus@guest.example", "RequestTypeCd": "ORA_CSS_REQ_TYPE_CONSUMER"}


@pytest.fixture
async def town(house):
    return await Town(house).set_up()


async def roles_of(town, contact_id):
    return (await town.admin.get(f"{ROLES}?contact_id={contact_id}")).json()["items"]


async def two_administrators(town):
    """Ada and Bea, who both administer the account."""
    ada = await town.approved()
    bea = await town.approved(EmailAddress="bea@engines.example")
    wanted = {"company_id": town.company, "contact_id": bea["contact_id"], "administrator": True}
    assert (await town.staff.post(ROLES, json=wanted)).status_code == 201
    return ada, bea


async def test_the_contact_of_the_last_administrator_is_not_switched_off_by_another_way(town):
    ada = await town.approved()
    path = f"/api/v1/companies/{town.company}/contacts/{ada['contact_id']}"
    tag = (await town.staff.get(path)).headers["etag"]
    refused = await town.staff.patch(path, json={"enabled": False}, headers={"if-match": tag})
    assert (refused.status_code, refused.json().get("code")) == (409, "last_administrator"), refused.text
    done = await town.admin.patch(path, json={"enabled": False}, headers={"if-match": tag})
    assert done.status_code == 200, done.text


async def switch_off(town, client, path):
    tag = (await town.admin.get(path)).headers["etag"]
    answer = await client.patch(path, json={"active": False}, headers={"if-match": tag})
    return answer.status_code, answer.json().get("code")


async def test_the_record_of_the_last_administrator_is_not_switched_off_either(town):
    ada, bea = await two_administrators(town)
    assert await switch_off(town, town.staff, f"/api/v1/contacts/{ada['contact_id']}") == (200, None)
    last = f"/api/v1/contacts/{bea['contact_id']}"
    assert await switch_off(town, town.staff, last) == (409, "last_administrator")
    assert await switch_off(town, town.admin, last) == (200, None)


async def test_who_may_not_sign_in_any_more_is_no_administrator_left(town):
    """Shutting a person out is never refused for an account's sake: who left is out at once, and staff find another."""
    ada, bea = await two_administrators(town)
    assert await switch_off(town, town.admin, f"/api/v1/users/{ada['user_id']}") == (200, None)
    (administrator,) = [one for one in await roles_of(town, bea["contact_id"]) if one["administrator"]]
    refused = await town.staff.delete(f"{ROLES}/{administrator['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "last_administrator")
    assert await switch_off(town, town.admin, f"/api/v1/users/{bea['user_id']}") == (200, None)


async def test_nobody_changes_their_own_roles(town):
    ada, _ = await two_administrators(town)
    client = await town.signed_in("ada@engines.example")
    for one in await roles_of(town, ada["contact_id"]):
        assert (await client.delete(f"{ROLES}/{one['id']}")).json()["code"] == "own_role"


async def guest(town, email="gus@guest.example"):
    """Somebody who has a user, and is nobody's contact."""
    person = town.house.person(email=email)
    return person, await town.house.client_of(person)


async def carried_out(town, client, **changes):
    taken = await client.post(REQUESTS, json={"attributes": {"EmailAddress": "gus@guest.example", **changes}})
    assert (taken.status_code, taken.json()["state"]) == (201, "ORA_CSS_PENDING"), taken.text
    answer = await town.staff.post(f"{REQUESTS}/{taken.json()['id']}/approve", json={})
    assert answer.json()["state"] == "ORA_CSS_APPROVED", answer.text
    return answer.json()


async def test_a_user_without_a_contact_gets_one_that_is_stamped_and_keeps_its_user(town):
    person, client = await guest(town)
    shown = await carried_out(town, client, AccountKey="Engines", LastName="Guest")
    contact = (await town.admin.get(f"/api/v1/contacts/{shown['contact_id']}")).json()
    assert (shown["outcome"], shown["user_id"]) == ("create_contact", person.id)
    assert (contact["user_id"], contact["last_name"]) == (person.id, "Guest")
    assert sorted(one["administrator"] for one in await roles_of(town, contact["id"])) == [False, True]
    letters = [one for one in await town.post() if one.to == "gus@guest.example"]
    assert [one for one in letters if "password" in one.subject] == []
    assert len(letters) == 1


async def test_a_contact_without_a_stamp_gets_the_user_s(town):
    person, client = await guest(town)
    known = (await town.admin.post("/api/v1/contacts", json={"email": person.email, "last_name": "Known"})).json()
    shown = await carried_out(town, client, AccountKey="Engines", LastName="Guest")
    contact = (await town.admin.get(f"/api/v1/contacts/{known['id']}")).json()
    assert (shown["outcome"], shown["contact_id"]) == ("stamp", known["id"])
    assert (contact["user_id"], contact["last_name"]) == (person.id, "Known")


async def test_somebody_who_has_everything_already_is_told_so(town):
    await town.option("SVC_CSS_ALLOW_CONSUMER", "TRUE")
    _, client = await guest(town)
    first = await carried_out(town, client, **B2C)
    await town.post()
    again = await carried_out(town, client, **B2C)
    assert (first["outcome"], again["outcome"]) == ("create_contact", "nothing")
    assert again["contact_id"] == first["contact_id"]
    assert len(await roles_of(town, first["contact_id"])) == 1
    assert len([one for one in await town.post() if one.to == "gus@guest.example"]) == 1
