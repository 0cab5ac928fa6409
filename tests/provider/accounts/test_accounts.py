"""Companies and contacts over HTTP."""

import pytest

from provider_service.accounts import service
from provider_service.accounts.domain import email_fault
from shared.wire.states import InstanceType, Role

pytestmark = pytest.mark.anyio


async def company(client, **changes):
    answer = await client.post("/api/v1/companies", json={"name": "Engines"} | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def contact(client, company_id, email="ada@example.com"):
    answer = await client.post(f"/api/v1/companies/{company_id}/contacts", json={"email": email, "name": "Ada"})
    assert answer.status_code == 201, answer.text
    return answer.json()


def at(made):
    return f"/api/v1/companies/{made['company_id']}/contacts/{made['id']}"


async def test_a_company_keeps_key_domains_and_parent(house):
    client = await house.client(Role.SN_SB_ADMIN)
    parent = await company(client)
    made = await company(client, external_key="4711", domains=["Example.com", "example.com"], parent_id=parent["id"])
    shown = await client.get(f"/api/v1/companies/{made['id']}")
    assert shown.json() == made
    assert (made["domains"], made["parent_id"]) == (["example.com"], parent["id"])
    found = await client.get("/api/v1/companies", params={"external_key": "4711"})
    assert [one["id"] for one in found.json()["items"]] == [made["id"]]


async def test_an_external_key_belongs_to_one_company(house):
    client = await house.client(Role.ADMIN)
    await company(client, external_key="4711")
    answer = await client.post("/api/v1/companies", json={"name": "Other", "external_key": "4711"})
    assert (answer.status_code, answer.json()["code"]) == (409, "external_key_taken")


async def test_a_change_names_the_version_it_starts_from(house):
    client = await house.client(Role.ADMIN)
    path = f"/api/v1/companies/{(await company(client))['id']}"
    assert (await client.patch(path, json={"active": False})).status_code == 428
    assert (await client.patch(path, json={"active": False}, headers={"if-match": '"9"'})).status_code == 412
    tag = (await client.get(path)).headers["etag"]
    changed = await client.patch(path, json={"active": False}, headers={"if-match": tag})
    assert (changed.status_code, changed.json()["active"], changed.headers["etag"]) == (200, False, '"2"')


async def test_a_company_never_stands_beneath_itself(house):
    client = await house.client(Role.ADMIN)
    top = await company(client)
    below = await company(client, parent_id=top["id"])
    answer = await client.patch(
        f"/api/v1/companies/{top['id']}", json={"parent_id": below["id"]}, headers={"if-match": '"1"'}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "parent_circle")


async def test_a_new_contact_gets_the_role_and_a_mail_to_set_a_password(house):
    client = await house.client(Role.SN_SB_ADMIN)
    made = await contact(client, (await company(client))["id"])
    assert (made["roles"], made["has_password"], made["active"]) == (["sn_sb_pro.consumer"], False, True)
    mails = await client.get("/api/v1/mails", params={"related_type": "user", "related_id": made["user_id"]})
    assert [mail["template"] for mail in mails.json()["items"]] == ["set_password"]


async def test_a_known_person_becomes_a_contact_without_a_second_user(house):
    person = house.person(email="Ada@example.com")
    client = await house.client(Role.ADMIN)
    made = await contact(client, (await company(client))["id"], "ada@EXAMPLE.com")
    assert made["user_id"] == person.id
    again = await client.post(
        f"/api/v1/companies/{made['company_id']}/contacts", json={"email": "ada@example.com", "name": "Ada"}
    )
    assert (again.status_code, again.json()["code"]) == (409, "contact_exists")


async def test_a_contact_stops_being_active_with_its_company(house):
    client = await house.client(Role.ADMIN)
    made = await contact(client, (await company(client))["id"])
    await client.patch(f"/api/v1/companies/{made['company_id']}", json={"active": False}, headers={"if-match": '"1"'})
    shown = (await client.get(at(made))).json()
    assert (shown["active"], shown["enabled"]) == (False, True)


async def test_a_contact_is_switched_off_for_one_company_only(house):
    client = await house.client(Role.ADMIN)
    here = await contact(client, (await company(client))["id"])
    there = await contact(client, (await company(client))["id"])
    assert here["id"] == there["id"]
    answer = await client.patch(at(here), json={"enabled": False}, headers={"if-match": '"1"'})
    assert answer.json()["active"] is False
    assert (await client.get(at(there))).json()["active"] is True


async def test_a_contact_sees_its_own_company_and_no_trace_of_others(house):
    admin = await house.client(Role.ADMIN)
    own, foreign = await company(admin), await company(admin)
    person = house.person(email="ada@example.com")
    mine = await contact(admin, own["id"])
    theirs = await contact(admin, foreign["id"], "bob@example.com")
    client = await house.client_of(person)
    assert [one["id"] for one in (await client.get("/api/v1/companies")).json()["items"]] == [own["id"]]
    for path in (at(mine), f"/api/v1/contacts/{mine['id']}"):
        assert (await client.get(path)).status_code == 200
    assert [one["id"] for one in (await client.get("/api/v1/contacts")).json()["items"]] == [mine["id"]]
    for path in (
        f"/api/v1/companies/{foreign['id']}",
        f"/api/v1/companies/{foreign['id']}/contacts",
        at(theirs),
        f"/api/v1/contacts/{theirs['id']}",
    ):
        seen, missing = await client.get(path), await client.get(path.replace("019", "020"))
        assert seen.status_code == missing.status_code == 404
        assert seen.json()["code"] == missing.json()["code"]
    assert (await client.post("/api/v1/companies", json={"name": "Mine"})).status_code == 403


async def test_other_slices_find_a_contact_with_its_company(house):
    client = await house.client(Role.ADMIN)
    made = await contact(client, (await company(client))["id"])
    with house.context.database.transaction() as session:
        found = service.get_company_contact(session, made["company_id"], made["id"])
        assert service.contact_of(session, made["company_id"], made["user_id"]) == found
        assert service.find_contact(session, "nobody") is None
    assert (found.company_name, found.email) == ("Engines", "ada@example.com")


def test_a_reserved_domain_will_do_everywhere_but_in_production():
    production, trial = InstanceType.PRODUCTION, InstanceType.SUB_PRODUCTION
    assert email_fault("a@host.test", instance_type=trial) is None
    assert email_fault("a@host.test", instance_type=production, development=True) is None
    assert email_fault("a@host.test", instance_type=production)
    assert email_fault("a@acme.de", instance_type=production) is None
    assert email_fault("nonsense", instance_type=trial)
