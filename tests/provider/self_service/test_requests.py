"""Requests from the sign-up to the first sign-in, over HTTP and by mail, on both databases."""

import pytest

from provider_service.directory import service as directory
from provider_service.identity.calls import EmbeddedDirectory
from provider_service.self_service import calls
from provider_service.self_service.domain import Draft
from shared.wire.errors import Forbidden, Invalid, NotFound, Unavailable
from shared.wire.self_service import RequestState
from shared.wire.states import Role
from tests.provider.self_service.world import ADA, VISITOR, Town

pytestmark = pytest.mark.anyio

REQUESTS = "/api/v1/self-service/requests"
USER_ROLE = "ORA_SVC_CUSTOMER_SELF_SERVICE_USER_ABSTRACT"
ADMIN_ROLE = "ORA_SVC_CUSTOMER_SELF_SERVICE_ACCOUNT_ADMINISTRATOR_ABSTRACT"


@pytest.fixture
async def town(house):
    return await Town(house).set_up()


async def test_a_visitor_proves_the_mailbox_is_approved_and_welcomed(town):
    made = await town.sign_up()
    assert made.request.state == RequestState.VERIFYING
    assert (await town.staff.get(REQUESTS)).json()["items"] == []
    assert (await town.staff.get(f"{REQUESTS}/{made.request.id}")).status_code == 404
    assert town.user("ada@engines.example") is None

    letter = await town.letter("ada@engines.example", "Confirm")
    assert (await calls.prove(town.context, letter.secret)).state == RequestState.PENDING
    waiting = (await town.staff.get(REQUESTS)).json()["items"]
    assert [(one["state"], one["awaits"]) for one in waiting] == [("ORA_CSS_PENDING", "account_administrators")]
    evidence = (await town.staff.get(f"{REQUESTS}/{made.request.id}/evidence")).json()
    assert (evidence["outcome"], evidence["first_user"]) == ("create_contact_and_user", True)
    assert [one["name"] for one in evidence["companies"]] == ["Engines"]
    assert town.user("ada@engines.example") is None

    answer = await town.staff.post(
        f"{REQUESTS}/{made.request.id}/approve", json={"note_to_applicant": "Hello", "internal_note": "Rang her"}
    )
    shown = answer.json()
    assert (shown["state"], shown["failure"]) == ("ORA_CSS_APPROVED", None)
    assert shown["steps"] == ["user", "records", "groups", "activation", "welcome"]
    user = town.user("ada@engines.example")
    assert user is not None
    assert user.active
    assert user.id == shown["user_id"]
    contact = (await town.admin.get(f"/api/v1/contacts/{shown['contact_id']}")).json()
    assert (contact["user_id"], contact["first_name"], contact["last_name"]) == (user.id, "Ada", "Lovelace")
    roles = (await town.admin.get("/api/v1/self-service/roles")).json()["items"]
    assert {(one["role"], one["administrator"], one["company_id"]) for one in roles} == {
        (USER_ROLE, False, town.company),
        (ADMIN_ROLE, True, town.company),
    }
    with town.context.database.transaction() as session:
        assert {name for _, name in directory.groups_of(session, [user.id])[user.id]} == {USER_ROLE, ADMIN_ROLE}
    letters = [one for one in await town.post() if one.to == "ada@engines.example"]
    assert [one.subject for one in letters] == ["Set your password for 127.0.0.1:8000"]


async def test_the_first_user_decides_about_colleagues_of_its_own_account_only(town):
    await town.approved()
    other = await town.make_company("Looms")
    ada = await town.signed_in("ada@engines.example")
    colleague = await town.proven(EmailAddress="bea@engines.example", FirstName="Bea")
    stranger = await town.proven(EmailAddress="cyd@looms.example", FirstName="Cyd", AccountKey="Looms")
    assert other
    assert [one["id"] for one in (await ada.get(REQUESTS + "?state=ORA_CSS_PENDING")).json()["items"]] == [colleague]
    assert (await ada.post(f"{REQUESTS}/{stranger}/approve", json={})).status_code == 404
    assert (await ada.get(f"{REQUESTS}/{stranger}/evidence")).status_code == 404
    answer = await ada.post(f"{REQUESTS}/{colleague}/approve", json={})
    assert answer.json()["state"] == "ORA_CSS_APPROVED", answer.text
    roles = (await ada.get("/api/v1/self-service/roles")).json()["items"]
    assert len([one for one in roles if one["administrator"]]) == 1
    assert {one["company_id"] for one in roles} == {town.company}


async def test_account_administrators_decide_nothing_where_the_option_says_so(town):
    await town.approved()
    ada = await town.signed_in("ada@engines.example")
    await town.option("SVC_CSS_ACCT_ADMIN_APPROVE", "FALSE")
    colleague = await town.proven(EmailAddress="bea@engines.example")
    assert (await ada.post(f"{REQUESTS}/{colleague}/approve", json={})).status_code == 403
    assert (await ada.post(f"{REQUESTS}/{colleague}/reject", json={})).status_code == 403
    assert (await town.staff.post(f"{REQUESTS}/{colleague}/approve", json={})).status_code == 200


async def test_the_answer_to_a_visitor_is_the_same_whatever_is_known(town):
    await town.approved()
    known = await town.sign_up(LastName="Impostor")
    unknown = await town.sign_up(EmailAddress="bea@engines.example")
    wrong_key = await town.sign_up(EmailAddress="cyd@engines.example", AccountKey="Nothing")
    kept = {"state", "awaits", "reason", "company_id", "contact_id", "user_id", "steps", "expires_at", "remarks"}
    shown = [{name: getattr(one.request, name) for name in kept} for one in (known, unknown, wrong_key)]
    assert shown[0] == shown[1] == shown[2]
    letters = {one.to: one for one in await town.post()}
    assert "You are known there already" in letters["ada@engines.example"].text
    assert "#token=" not in letters["ada@engines.example"].text
    assert "#token=" in letters["bea@engines.example"].text
    assert "#token=" in letters["cyd@engines.example"].text


async def test_a_login_of_somebody_else_gets_nobody_anywhere_and_tells_nothing(town):
    await town.approved(LoginId="ada")
    made = await town.sign_up(EmailAddress="eve@evil.example", LoginId="ada")
    letter = await town.letter("eve@evil.example", "Confirm")
    await calls.prove(town.context, letter.secret)
    shown = (await town.staff.get(f"{REQUESTS}/{made.request.id}")).json()
    assert (shown["awaits"], shown["reason"]) == ("staff", "not_that_user")
    answer = await town.staff.post(f"{REQUESTS}/{made.request.id}/approve", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "approval_refused")
    assert town.user("eve@evil.example") is None


async def test_an_address_of_somebody_else_is_no_login(town):
    with pytest.raises(Invalid, match="login will not do"):
        await town.sign_up(EmailAddress="eve@evil.example", LoginId="ada@engines.example")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"EmailAddress": None}, "/attributes/EmailAddress"),
        ({"EmailAddress": "nobody at home"}, "/attributes/EmailAddress"),
        ({"LoginId": "eve@evil.example"}, "/attributes/LoginId"),
        ({"AccountKey": ""}, "/attributes/AccountKey"),
        ({"FirstName": "x" * 151}, "/attributes/FirstName"),
        ({"LastName": "a\nb"}, "/attributes/LastName"),
        ({"DateOfBirth": "yesterday"}, "/attributes/DateOfBirth"),
        ({"RequestTypeCd": "ORA_CSS_REQ_TYPE_OTHER"}, "/attributes/RequestTypeCd"),
        ({"RequestTypeCd": "ORA_CSS_REQ_TYPE_CONSUMER"}, "/attributes/AccountKey"),
        ({"Nothing_c": "x"}, "/attributes/Nothing_c"),
        ({"Password": "x"}, "/attributes/Password"),
    ],
)
async def test_attributes_that_will_not_do_are_named(town, changes, pointer):
    with pytest.raises(Invalid) as caught:
        await town.sign_up(**changes)
    assert pointer in [one.pointer for one in caught.value.errors]


async def test_nobody_registers_while_registration_is_closed(town):
    await town.option("SVC_CSS_SELF_REGISTRATION", "None")
    with pytest.raises(Forbidden) as caught:
        await town.sign_up()
    assert caught.value.code == "registration_closed"


async def test_existing_only_is_told_to_the_mailbox_alone(town):
    await town.option("SVC_CSS_SELF_REGISTRATION", "Existing Only")
    await town.admin.post("/api/v1/contacts", json={"email": "bea@engines.example"})
    await town.sign_up()
    await town.sign_up(EmailAddress="bea@engines.example")
    letters = {one.to: one.text for one in await town.post()}
    assert "Only people who are known" in letters["ada@engines.example"]
    assert "#token=" in letters["bea@engines.example"]


async def test_an_ambiguous_key_goes_to_staff_who_choose_the_account(town):
    request_id = await town.proven(AccountKey="Enginez")
    shown = (await town.staff.get(f"{REQUESTS}/{request_id}")).json()
    assert (shown["awaits"], shown["reason"]) == ("staff", "account_unclear")
    assert (await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})).json()["code"] == "approval_refused"
    chosen = await town.staff.put(f"{REQUESTS}/{request_id}/company", json={"company_id": town.company})
    assert chosen.json()["company_id"] == town.company
    answer = await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
    assert answer.json()["state"] == "ORA_CSS_APPROVED", answer.text


async def test_a_known_contact_is_stamped_and_keeps_its_own_data(town):
    made = await town.admin.post("/api/v1/contacts", json={"email": "ada@engines.example", "last_name": "Byron"})
    shown = await town.approved()
    contact = (await town.admin.get(f"/api/v1/contacts/{made.json()['id']}")).json()
    assert shown["outcome"] == "create_user"
    assert shown["contact_id"] == contact["id"]
    assert (contact["user_id"], contact["last_name"]) == (shown["user_id"], "Byron")


async def test_attributes_are_copied_by_name_by_map_and_by_part_of_the_address(town):
    for declared in (
        {"object": "request", "code": "Region_c", "type": "text"},
        {"object": "contact", "code": "Region_c", "type": "text"},
        {"object": "request", "code": "Floor_c", "type": "number"},
        {"object": "contact", "code": "Level_c", "type": "text"},
    ):
        answer = await town.admin.post("/api/v1/custom-attributes", json=declared | {"label": declared["code"]})
        assert answer.status_code == 201, answer.text
    await town.option("SVC_CSS_REG_CONT_MAP", "Floor_c=Level_c")
    shown = await town.approved(
        Region_c="North",
        Floor_c=7,
        PrimaryCity="London",
        SecondaryCity="Turin",
        RawMobileNumber="+44 1",
        DateOfBirth="1815-12-10",
    )
    contact = (await town.admin.get(f"/api/v1/contacts/{shown['contact_id']}")).json()
    assert contact["attributes"] == {"Region_c": "North", "Level_c": "7"}
    assert [one["city"] for one in contact["addresses"]] == ["London", "Turin"]
    assert (contact["mobile_phone"], contact["date_of_birth"]) == ("+44 1", "1815-12-10")


async def test_auto_approval_makes_no_administrator_unless_something_vouches(town):
    await town.option("SVC_CSS_SELF_REG_AUTO_APPROVE", "TRUE")
    request_id = await town.proven()
    shown = (await town.staff.get(f"{REQUESTS}/{request_id}")).json()
    assert (shown["state"], shown["decided_by"], shown["administrator_pending"]) == ("ORA_CSS_APPROVED", "system", True)
    await town.make_company("Looms", domains=["looms.example"], verified_domains=["looms.example"])
    vouched = await town.proven(EmailAddress="cyd@looms.example", AccountKey="Looms")
    assert (await town.staff.get(f"{REQUESTS}/{vouched}")).json()["administrator_pending"] is False
    looms_key = await town.make_company("x7-Kp2-looms", key_secret=True)
    by_secret = await town.proven(EmailAddress="dan@anywhere.example", AccountKey="x7-Kp2-looms")
    assert (await town.staff.get(f"{REQUESTS}/{by_secret}")).json()["administrator_pending"] is False
    roles = (await town.admin.get(f"/api/v1/self-service/roles?company_id={looms_key}")).json()["items"]
    assert sorted(one["administrator"] for one in roles) == [False, True]
    granted = await town.staff.post(
        "/api/v1/self-service/roles",
        json={"company_id": town.company, "contact_id": shown["contact_id"], "administrator": True},
    )
    assert granted.status_code == 201, granted.text
    assert (await town.staff.get(f"{REQUESTS}/{request_id}")).json()["administrator_pending"] is False


async def test_a_type_that_is_not_allowed_waits_for_a_person_to_start_it(town):
    request_id = await town.proven(RequestTypeCd="ORA_CSS_REQ_TYPE_CONSUMER", AccountKey=None)
    assert (await town.staff.get(f"{REQUESTS}/{request_id}")).json()["awaits"] == "start"
    refused = await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
    assert refused.json()["code"] == "request_not_started"
    started = await town.staff.post(f"{REQUESTS}/{request_id}/start")
    assert started.json()["awaits"] == "staff", started.text
    again = await town.staff.post(f"{REQUESTS}/{request_id}/start")
    assert again.json()["code"] == "request_started"
    answer = await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
    assert answer.json()["state"] == "ORA_CSS_APPROVED", answer.text
    roles = (await town.admin.get("/api/v1/self-service/roles")).json()["items"]
    assert [(one["company_id"], one["administrator"]) for one in roles] == [(None, False)]


async def test_somebody_who_is_signed_in_asks_for_a_further_account(town):
    await town.approved()
    looms = await town.make_company("Looms")
    ada = await town.signed_in("ada@engines.example")
    taken = await ada.post(
        REQUESTS, json={"attributes": {"EmailAddress": "ada@engines.example", "AccountKey": "Looms"}}
    )
    assert (taken.status_code, taken.json()["state"]) == (201, "ORA_CSS_PENDING"), taken.text
    answer = await town.staff.post(f"{REQUESTS}/{taken.json()['id']}/approve", json={})
    assert (answer.json()["state"], answer.json()["outcome"]) == ("ORA_CSS_APPROVED", "further_account"), answer.text
    roles = (await town.admin.get(f"/api/v1/self-service/roles?company_id={looms}")).json()["items"]
    assert len(roles) == 2
    letters = [one.subject for one in await town.post() if one.to == "ada@engines.example"]
    assert [one for one in letters if "approved" in one] == ["Your registration at 127.0.0.1:8000 was approved"]


async def test_somebody_who_is_signed_in_proves_another_mailbox_first(town):
    await town.approved()
    ada = await town.signed_in("ada@engines.example")
    taken = await ada.post(REQUESTS, json={"attributes": {**ADA, "EmailAddress": "victim@engines.example"}})
    assert taken.json()["state"] == "ORA_CSS_VERIFYING", taken.text


async def test_staff_submit_for_others_without_proof_but_tie_no_user_without_the_privilege(town):
    await town.approved()
    taken = await town.staff.post(REQUESTS, json={"attributes": {**ADA, "EmailAddress": "bea@engines.example"}})
    assert taken.json()["state"] == "ORA_CSS_PENDING", taken.text
    await town.make_company("Looms")
    for client, status in ((town.staff, 409), (town.admin, 200)):
        taken = await client.post(REQUESTS, json={"attributes": {**ADA, "AccountKey": "Looms"}})
        answer = await town.admin.post(f"{REQUESTS}/{taken.json()['id']}/approve", json={})
        assert answer.status_code == status, answer.text


async def test_a_question_is_answered_and_the_request_goes_on(town):
    made = await town.sign_up()
    await calls.prove(town.context, (await town.letter("ada@engines.example", "Confirm")).secret)
    asked = await town.staff.post(f"{REQUESTS}/{made.request.id}/ask", json={"question": "Which floor?"})
    assert asked.json()["state"] == "ORA_CSS_MORE_INFO"
    letter = await town.letter("ada@engines.example", "question")
    assert "Which floor?" in letter.text
    record = await calls.answer(town.context, letter.secret, "The third")
    assert record.state == RequestState.PENDING
    shown = (await town.staff.get(f"{REQUESTS}/{made.request.id}")).json()
    assert [one["text"] for one in shown["remarks"]] == ["Which floor?", "The third"]


async def test_a_rejection_tells_the_note_and_keeps_the_internal_one(town):
    made = await town.sign_up()
    await calls.prove(town.context, (await town.letter("ada@engines.example", "Confirm")).secret)
    answer = await town.staff.post(
        f"{REQUESTS}/{made.request.id}/reject", json={"note_to_applicant": "Not here", "internal_note": "Spam?"}
    )
    assert answer.json()["state"] == "ORA_CSS_REJECTED"
    letter = await town.letter("ada@engines.example", "not approved")
    assert "Not here" in letter.text
    assert "Spam?" not in letter.text
    followed = await calls.follow(town.context, made.secret)
    assert followed.state == RequestState.REJECTED
    again = await town.staff.post(f"{REQUESTS}/{made.request.id}/approve", json={})
    assert again.json()["code"] == "request_decided"


async def test_requests_expire_and_whoever_decides_is_reminded_once(town):
    await town.sign_up()
    pending = await town.proven(EmailAddress="bea@engines.example")
    await town.post()
    town.house.clock.advance(days=4)
    reminders = [one for one in await town.post() if "Still waiting" in one.subject]
    assert len(reminders) == 1
    assert [one for one in await town.post() if "Still waiting" in one.subject] == []
    town.house.clock.advance(days=30)
    await town.post()
    fresh = await town.house.client(Role.SN_SB_ADMIN)
    assert (await fresh.get(f"{REQUESTS}/{pending}")).json()["state"] == "ORA_CSS_EXPIRED"


async def test_time_tells_whom_it_has_to_and_ends_nothing_that_was_approved(town, monkeypatch):
    async def down(*_args, **_kwargs):
        raise Unavailable("The directory does not answer")

    unproven = await town.sign_up()
    asked, waiting, failed = [
        await town.proven(EmailAddress=f"{name}@engines.example") for name in ("bea", "cyd", "dan")
    ]
    await town.staff.post(f"{REQUESTS}/{asked}/ask", json={"question": "Which floor?"})
    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedDirectory, "create_inactive", down)
        await town.staff.post(f"{REQUESTS}/{failed}/approve", json={})
    await town.post()

    async def letters_after(**span):
        town.house.clock.advance(**span)
        return sorted((one.to.partition("@")[0], one.subject) for one in await town.post() if "engines" in one.to)

    async def states():
        fresh = await town.house.client(Role.SN_SB_ADMIN)
        return [(await fresh.get(f"{REQUESTS}/{one}")).json()["state"] for one in (asked, waiting, failed)]

    assert await letters_after(hours=25) == []  # nobody knows whose mailbox it was: it ends without a word
    assert (await calls.follow(town.context, unproven.secret)).state == RequestState.EXPIRED
    (question,) = await letters_after(days=3)
    assert (question[0], "question" in question[1]) == ("bea", True)
    assert await letters_after(days=3) == []
    expired = await letters_after(days=31)
    assert [name for name, _ in expired] == ["bea", "cyd"]
    assert {subject for _, subject in expired} == {expired[0][1]}
    assert await states() == ["ORA_CSS_EXPIRED", "ORA_CSS_EXPIRED", "ORA_CSS_FAILED"]
    assert await letters_after(days=400) == []
    fresh = await town.house.client(Role.SN_SB_ADMIN)
    assert (await fresh.post(f"{REQUESTS}/{failed}/approve", json={})).json()["state"] == "ORA_CSS_APPROVED"


async def test_proof_works_once_and_tokens_of_one_purpose_not_for_another(town):
    made = await town.sign_up()
    letter = await town.letter("ada@engines.example", "Confirm")
    for wrong in (made.secret, "nonsense", ""):
        with pytest.raises(NotFound):
            await calls.prove(town.context, wrong)
    await calls.prove(town.context, letter.secret)
    with pytest.raises(NotFound):
        await calls.prove(town.context, letter.secret)


async def test_visitors_of_one_mailbox_get_few_mails(town):
    for _ in range(5):
        await calls.submit(town.context, Draft(ADA), VISITOR, proven=False)
    assert len([one for one in await town.post() if one.to == "ada@engines.example"]) <= 3
