"""Contacts as people: with and without a user, found, stamped, merged."""

import pytest

from provider_service.accounts import service
from provider_service.accounts.service import AccountHooks
from provider_service.audit.domain import SYSTEM
from shared.wire.errors import Conflict
from shared.wire.states import Role
from tests.provider.accounts.test_accounts import at, company, contact

pytestmark = pytest.mark.anyio


async def record(client, **members):
    answer = await client.post("/api/v1/contacts", json={"email": "grace@example.com"} | members)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def change(client, made, **members):
    tag = (await client.get(f"/api/v1/contacts/{made['id']}")).headers["etag"]
    return await client.patch(f"/api/v1/contacts/{made['id']}", json=members, headers={"if-match": tag})


async def merge(client, merged, into):
    return await client.post(f"/api/v1/contacts/{merged['id']}/merge", json={"into_id": into["id"]})


async def listed(client, **filters):
    answer = await client.get("/api/v1/contacts", params=filters)
    return [one["id"] for one in answer.json()["items"]]


async def test_a_person_is_kept_whole_without_company_or_user(house):
    client = await house.client(Role.SN_SB_ADMIN)
    address = {"line1": "1 Main Street", "city": "Springfield", "country": "US"}
    members = {
        "first_name": "Grace", "middle_name": "Brewster", "last_name": "Hopper", "mobile_phone": "+1 555 0100",
        "date_of_birth": "1906-12-09", "place_of_birth": "New York", "addresses": [address], "language": "de",
        "category": "consumer",
    }  # fmt: skip
    made = await record(client, **members)
    assert (made["name"], made["user_id"], made["merged_into"]) == ("Grace Brewster Hopper", None, None)
    shown = await client.get(f"/api/v1/contacts/{made['id']}")
    assert shown.json() == made
    assert members.items() <= {**made, "addresses": [{k: v for k, v in made["addresses"][0].items() if v}]}.items()


async def test_a_change_names_its_version_and_touches_only_what_it_names(house):
    client = await house.client(Role.SN_SB_ADMIN)
    made = await record(client, first_name="Grace", date_of_birth="1906-12-09")
    path = f"/api/v1/contacts/{made['id']}"
    assert (await client.patch(path, json={"last_name": "Hopper"})).status_code == 428
    changed = await change(client, made, last_name="Hopper")
    assert (changed.json()["last_name"], changed.json()["date_of_birth"]) == ("Hopper", "1906-12-09")
    assert (changed.json()["version"], changed.headers["etag"]) == (2, '"2"')


async def test_the_trail_says_that_private_facts_changed_and_not_what_they_are(house):
    admin = await house.client(Role.ADMIN)
    made = await record(admin)
    await change(admin, made, date_of_birth="1906-12-09", home_phone="+1 555 0100")
    trail = await admin.get("/api/v1/audit", params={"subject_id": made["id"], "action": "contact.updated"})
    assert trail.json()["items"][0]["after"] == {"fields": ["home_phone", "date_of_birth"]}
    assert "1906" not in trail.text


async def test_contacts_are_found_by_address_company_user_and_stamp(house):
    client = await house.client(Role.ADMIN)
    tied = await contact(client, (await company(client))["id"])
    loose = await record(client)
    assert await listed(client, email="GRACE@Example.com") == [loose["id"]]
    assert await listed(client, company_id=tied["company_id"]) == [tied["id"]]
    assert await listed(client, user_id=tied["user_id"]) == [tied["id"]]
    assert await listed(client, stamped="true") == [tied["id"]]
    assert await listed(client, stamped="false") == [loose["id"]]


async def test_a_known_contact_is_linked_once_and_cannot_act_without_a_user(house):
    client = await house.client(Role.SN_SB_ADMIN)
    made, there = await record(client), await company(client)
    path = f"/api/v1/companies/{there['id']}/contacts/{made['id']}"
    linked = [await client.put(path) for _ in range(2)]
    assert [answer.status_code for answer in linked] == [200, 200]
    assert linked[0].json() == linked[1].json()
    assert (linked[0].json()["active"], linked[0].json()["user_id"]) == (False, None)


async def test_making_a_person_a_contact_uses_the_record_with_the_address(house):
    client = await house.client(Role.SN_SB_ADMIN)
    known = await record(client, email="ada@example.com", last_name="Lovelace")
    made = await contact(client, (await company(client))["id"])
    assert made["id"] == known["id"]
    assert (await client.get(f"/api/v1/contacts/{known['id']}")).json()["user_id"] == made["user_id"]


async def test_nobody_is_chosen_where_several_records_have_the_address(house):
    client = await house.client(Role.SN_SB_ADMIN)
    for _ in range(2):
        await record(client, email="ada@example.com")
    path = f"/api/v1/companies/{(await company(client))['id']}/contacts"
    answer = await client.post(path, json={"email": "ada@example.com", "name": "Ada"})
    assert (answer.status_code, answer.json()["code"]) == (409, "contact_ambiguous")
    with house.context.database.transaction() as session:
        assert service.list_contacts(session, stamped=True) == []


async def test_a_user_stamps_one_contact(house):
    person = house.person()
    client = await house.client(Role.ADMIN)
    first, second = await record(client, user_id=person.id), await record(client)
    answer = await change(client, second, user_id=person.id)
    assert (answer.status_code, answer.json()["code"]) == (409, "user_stamped")
    assert (await change(client, first, user_id=None)).json()["user_id"] is None
    assert (await change(client, second, user_id=person.id)).json()["user_id"] == person.id
    unknown = await change(client, first, user_id="nobody")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "user_unknown")


async def test_only_an_administrator_stamps_a_contact_anew(house):
    person, other = house.person(), house.person()
    desk = await house.client(Role.SN_SB_ADMIN)
    made = await record(desk, user_id=person.id)
    for user_id in (other.id, None):
        answer = await change(desk, made, user_id=user_id)
        assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")
    assert (await change(desk, made, last_name="Hopper")).status_code == 200


async def test_a_merge_moves_companies_and_stamp_and_leaves_a_pointer(house):
    client = await house.client(Role.ADMIN)
    shared, own = await company(client), await company(client)
    gone = await contact(client, shared["id"])
    await client.put(f"/api/v1/companies/{own['id']}/contacts/{gone['id']}")
    stays = await record(client)
    await client.put(f"/api/v1/companies/{shared['id']}/contacts/{stays['id']}")
    await client.patch(at(gone), json={"enabled": False}, headers={"if-match": '"1"'})
    answer = await merge(client, gone, stays)
    assert (answer.status_code, answer.json()["user_id"]) == (201, gone["user_id"])
    pointer = (await client.get(f"/api/v1/contacts/{gone['id']}")).json()
    assert (pointer["merged_into"], pointer["user_id"]) == (stays["id"], None)
    assert await listed(client) == [stays["id"]]
    seen = {}
    for one in (shared, own):
        items = (await client.get(f"/api/v1/companies/{one['id']}/contacts")).json()["items"]
        seen[one["id"]] = [(row["id"], row["enabled"]) for row in items]
    assert seen == {shared["id"]: [(stays["id"], False)], own["id"]: [(stays["id"], True)]}
    by_former_id = await client.get(f"/api/v1/companies/{own['id']}/contacts/{gone['id']}")
    assert by_former_id.json()["id"] == stays["id"]


async def test_pointers_lead_to_whoever_is_left_after_several_merges(house):
    client = await house.client(Role.ADMIN)
    first, second, third = [await record(client) for _ in range(3)]
    await merge(client, first, second)
    await merge(client, second, third)
    assert (await client.get(f"/api/v1/contacts/{first['id']}")).json()["merged_into"] == third["id"]
    with house.context.database.transaction() as session:
        assert service.find_contact(session, first["id"]).id == third["id"]


async def test_two_stamps_a_pointer_and_itself_are_not_merged(house):
    client = await house.client(Role.ADMIN)
    ada, bob = [await record(client, user_id=house.person().id) for _ in range(2)]
    gone, stays = await record(client), await record(client)
    await merge(client, gone, stays)
    for merged, into, code in [
        (ada, bob, "stamp_conflict"),
        (ada, ada, "merge_same"),
        (gone, ada, "contact_merged"),
        (ada, gone, "contact_merged"),
    ]:
        answer = await merge(client, merged, into)
        assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert (await change(client, gone, last_name="Hopper")).json()["code"] == "contact_merged"
    assert (await merge(client, ada, {"id": "nobody"})).status_code == 404


async def test_a_slice_above_can_object_to_a_merge(house):
    client = await house.client(Role.ADMIN)
    one, two = await record(client), await record(client)

    def objects(_session, merged_id, into_id, _now):
        raise Conflict(f"{merged_id} and {into_id} have requests pending", code="requests_pending")

    house.app.state.account_hooks = AccountHooks(before_merge=(objects,))
    assert (await merge(client, one, two)).json()["code"] == "requests_pending"
    assert await listed(client) == [one["id"], two["id"]]


async def test_a_contact_of_a_company_sees_colleagues_there_but_not_their_records(house):
    admin = await house.client(Role.ADMIN)
    there = await company(admin)
    person = house.person(email="ada@example.com")
    await contact(admin, there["id"])
    colleague = await contact(admin, there["id"], "bob@example.com")
    client = await house.client_of(person)
    assert (await client.get(at(colleague))).status_code == 200
    assert (await client.get(f"/api/v1/contacts/{colleague['id']}")).status_code == 404
    assert await listed(client, user_id=colleague["user_id"]) == []


async def test_stamping_twice_is_one_effect_and_another_stamp_is_refused(house):
    client = await house.client(Role.ADMIN)
    made = await record(client)
    with house.context.database.transaction() as session:
        stamped = [service.stamp_contact(session, made["id"], "guid", actor=SYSTEM, now=house.clock()) for _ in "ab"]
        assert stamped[0] == stamped[1]
        with pytest.raises(Conflict) as refused:
            service.stamp_contact(session, made["id"], "other", actor=SYSTEM, now=house.clock())
        assert refused.value.code == "contact_stamped"
    tied = await client.put(f"/api/v1/companies/{(await company(client))['id']}/contacts/{made['id']}")
    assert (tied.json()["user_id"], tied.json()["active"]) == ("guid", False)
