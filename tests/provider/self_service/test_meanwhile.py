"""What changes while a request waits: the decision is made anew, on what there is by then."""

import pytest

from provider_service.identity.calls import EmbeddedDirectory
from provider_service.self_service import calls
from shared.wire.errors import Unavailable
from tests.provider.self_service.world import ADA, Town, left_to_the_worker

pytestmark = pytest.mark.anyio

REQUESTS = "/api/v1/self-service/requests"


@pytest.fixture
async def town(house):
    return await Town(house).set_up()


async def rename(town, company_id, name):
    path = f"/api/v1/companies/{company_id}"
    tag = (await town.admin.get(path)).headers["etag"]
    answer = await town.admin.patch(path, json={"name": name}, headers={"if-match": tag})
    assert answer.status_code == 200, answer.text


async def test_an_account_whose_key_changed_is_not_the_one_meant_any_more(town):
    request_id = await town.proven()
    await rename(town, town.company, "Old Engines")
    refused = await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
    assert (refused.json()["code"], refused.json()["reason"]) == ("approval_refused", "account_unclear")
    assert town.user("ada@engines.example") is None
    other = await town.make_company("Engines")
    evidence = (await town.staff.get(f"{REQUESTS}/{request_id}/evidence")).json()
    assert [one["id"] for one in evidence["companies"]] == [other]
    answer = await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
    assert (answer.json()["state"], answer.json()["company_id"]) == ("ORA_CSS_APPROVED", other)


async def test_an_account_administrator_lets_nobody_into_the_account_that_has_the_key_now(town):
    await town.approved()
    ada = await town.signed_in("ada@engines.example")
    request_id = await town.proven(EmailAddress="eve@evil.example")
    await rename(town, town.company, "Old Engines")
    other = await town.make_company("Engines")
    refused = await ada.post(f"{REQUESTS}/{request_id}/approve", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "approval_refused"), refused.text
    assert town.user("eve@evil.example") is None
    assert other not in (await ada.get(f"{REQUESTS}/{request_id}/evidence")).text
    roles = (await town.admin.get(f"/api/v1/self-service/roles?company_id={other}")).json()["items"]
    assert roles == []
    answer = await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
    assert (answer.json()["state"], answer.json()["company_id"]) == ("ORA_CSS_APPROVED", other)


async def test_an_account_that_was_switched_off_takes_nobody_in(town):
    request_id = await town.proven()
    path = f"/api/v1/companies/{town.company}"
    tag = (await town.admin.get(path)).headers["etag"]
    assert (await town.admin.patch(path, json={"active": False}, headers={"if-match": tag})).status_code == 200
    refused = await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
    assert refused.json()["reason"] == "account_unclear"


async def test_contacts_merged_while_a_request_waits_are_one_contact(town):
    for name in ("First", "Second"):
        await town.admin.post("/api/v1/contacts", json={"email": "ada@engines.example", "last_name": name})
    request_id = await town.proven()
    shown = (await town.staff.get(f"{REQUESTS}/{request_id}")).json()
    assert (shown["awaits"], shown["reason"]) == ("staff", "contact_several")
    first, second = (await town.admin.get("/api/v1/contacts?email=ada@engines.example")).json()["items"]
    merged = await town.admin.post(f"/api/v1/contacts/{first['id']}/merge", json={"into_id": second["id"]})
    assert merged.status_code == 201, merged.text
    answer = await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
    assert (answer.json()["state"], answer.json()["contact_id"]) == ("ORA_CSS_APPROVED", second["id"]), answer.text


async def test_a_contact_merged_away_while_a_request_waits_is_not_stamped(town):
    known = (await town.admin.post("/api/v1/contacts", json={"email": "ada@engines.example"})).json()["id"]
    request_id = await town.proven()
    assert (await town.staff.get(f"{REQUESTS}/{request_id}")).json()["contact_id"] == known
    into = (await town.admin.post("/api/v1/contacts", json={"email": "ada@other.example"})).json()["id"]
    await town.admin.post(f"/api/v1/contacts/{known}/merge", json={"into_id": into})
    answer = await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
    assert (answer.json()["state"], answer.json()["outcome"]) == ("ORA_CSS_APPROVED", "create_contact_and_user")
    assert answer.json()["contact_id"] not in {known, into}
    assert (await town.admin.get(f"/api/v1/contacts/{into}")).json()["user_id"] is None


async def test_roles_go_with_a_contact_that_is_merged(town):
    shown = await town.approved()
    into = (await town.admin.post("/api/v1/contacts", json={"email": "ada@other.example"})).json()["id"]
    merged = await town.admin.post(f"/api/v1/contacts/{shown['contact_id']}/merge", json={"into_id": into})
    assert merged.status_code == 201, merged.text
    roles = (await town.admin.get(f"/api/v1/self-service/roles?contact_id={into}")).json()["items"]
    assert sorted(one["administrator"] for one in roles) == [False, True]
    ada = await town.signed_in("ada@engines.example")
    colleague = await town.proven(EmailAddress="bea@engines.example")
    answer = await ada.post(f"{REQUESTS}/{colleague}/approve", json={})
    assert answer.json()["state"] == "ORA_CSS_APPROVED", answer.text


async def test_a_directory_that_cannot_be_asked_keeps_requests_where_they_are(town, monkeypatch):
    async def down(*_args, **_kwargs):
        raise Unavailable("The directory does not answer")

    made = await town.sign_up()
    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedDirectory, "find_by_login", down)
        with pytest.raises(Unavailable):
            await calls.screen_due(town.context)
    letter = await town.letter("ada@engines.example", "Confirm")
    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedDirectory, "find_by_login", down)
        with pytest.raises(Unavailable):
            await calls.prove(town.context, letter.secret)
    await calls.prove(town.context, letter.secret)
    path = f"{REQUESTS}/{made.request.id}"
    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedDirectory, "find_by_login", down)
        assert (await town.staff.post(f"{path}/approve", json={})).status_code == 503
        taken = await town.staff.post(REQUESTS, json={"attributes": {**ADA, "EmailAddress": "bea@engines.example"}})
        assert taken.status_code == 503
    assert (await town.staff.get(path)).json()["state"] == "ORA_CSS_PENDING"
    assert (await town.staff.post(f"{path}/approve", json={})).json()["state"] == "ORA_CSS_APPROVED"


async def test_a_contact_that_appears_after_the_approval_is_decided_about_anew(town, monkeypatch):
    """A user of another address may tie itself to a contact made for it, but to none that is there (row 2)."""
    await town.approved()
    shown = await town.approved(EmailAddress="bea@engines.example", LoginId="bea")
    bea = await town.signed_in("bea@engines.example")
    path = f"/api/v1/contacts/{shown['contact_id']}"
    tag = (await town.admin.get(path)).headers["etag"]
    assert (await town.admin.patch(path, json={"user_id": None}, headers={"if-match": tag})).status_code == 200
    wanted = {**ADA, "EmailAddress": "countess@engines.example", "LoginId": "bea"}
    request_id = (await bea.post(REQUESTS, json={"attributes": wanted})).json()["id"]
    await calls.prove(town.context, (await town.letter("countess@engines.example", "Confirm")).secret)

    with monkeypatch.context() as patched:
        patched.setattr(calls, "provision", left_to_the_worker)
        answer = await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
        assert answer.json()["outcome"] == "create_contact", answer.text
    known = (await town.admin.post("/api/v1/contacts", json={"email": "countess@engines.example"})).json()["id"]
    await calls.provision_due(town.context)
    shown = (await town.staff.get(f"{REQUESTS}/{request_id}")).json()
    assert (shown["state"], (shown["failure"] or "").partition(":")[0]) == ("ORA_CSS_FAILED", "records")
    assert (await town.admin.get(f"/api/v1/contacts/{known}")).json()["user_id"] is None
    again = await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
    assert (again.status_code, again.json()["reason"]) == (409, "user_other_email")
