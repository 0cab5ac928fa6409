"""What an administrator does in the console: registrations, health, keys, connections."""

import pytest

from provider_service.accounts import service as accounts
from provider_service.accounts.domain import AttributeFacts, AttributeType, DeclaredFor
from provider_service.audit.domain import SYSTEM
from provider_service.connections import service as connections
from provider_service.directory import service as directory
from provider_service.registrations import service as registrations
from shared.wire.states import Role
from tests.provider.console.world import Browser, World

pytestmark = pytest.mark.anyio


async def test_a_registration_is_opened_with_its_faults_told_at_their_fields(world: World, admin: Browser) -> None:
    contact = await world.contact()
    fields = {"company_id": contact.company_id, "contact_id": contact.id, "environment": "", "token_hours": "48"}
    wrong = await admin.post("/registrations", consumer_url="not an address", **fields)
    assert wrong.status_code == 422
    assert 'aria-invalid="true"' in wrong.text
    assert 'href="#field-consumer_url"' in wrong.text
    made = await admin.post("/registrations", consumer_url="https://desk.example", **fields)
    assert made.headers["location"] == "/registrations/REG0000001"
    twice = await admin.post("/registrations", consumer_url="https://desk.example", **fields)
    assert (twice.status_code, "REG0000001 is already open" in twice.text) == (409, True)


async def test_the_link_is_shown_once_asked_for_and_its_showing_is_audited(world: World, admin: Browser) -> None:
    number = await world.registration(await world.contact())
    await world.scan()
    assert "#token=" not in (await admin.get(f"/registrations/{number}")).text
    shown = await admin.post(f"/registrations/{number}/link")
    assert "https://desk.example/onboarding#token=" in shown.text
    assert "registration.link_copied" in (await admin.get("/audit")).text


async def test_a_link_is_revoked_issued_anew_and_sent_again(world: World, admin: Browser) -> None:
    number = await world.registration(await world.contact())
    await world.scan()
    at = f"/registrations/{number}"
    assert "revoked" in (await admin.follow(await admin.post(f"{at}/revoke"))).text
    assert "no usable link" in (await admin.follow(await admin.post(f"{at}/link"))).text
    assert "new link was issued" in (await admin.follow(await admin.post(f"{at}/reissue"))).text
    sent = (await admin.follow(await admin.post(f"{at}/resend"))).text
    assert "Waiting to be sent" in sent


async def test_failed_checks_stand_at_the_top_and_lead_to_the_dashboard_of_this_task(
    world: World, admin: Browser
) -> None:
    contact = await world.contact()
    number = await world.registration(contact)
    company = f"/companies/{contact.company_id}"
    await admin.post(f"{company}/contacts/{contact.id}", enabled="no")
    await world.scan()
    shown = (await admin.get(f"/registrations/{number}")).text
    assert "Pre-onboarding checks failed" in shown
    assert f'href="/health?registration={number}"' in shown
    assert f"Issues of {number}" in (await admin.get(f"/health?registration={number}")).text
    await admin.post(f"{company}/contacts/{contact.id}", enabled="yes")
    await admin.post("/health/validate", registration=number)
    assert "Pre-onboarding checks failed" not in (await admin.get(f"/registrations/{number}")).text


async def test_a_registration_is_commented_cancelled_and_started_again(world: World, admin: Browser) -> None:
    number = await world.registration(await world.contact())
    at = f"/registrations/{number}"
    assert (await admin.post(f"{at}/entries", kind="comment", text="")).status_code == 422
    await admin.post(f"{at}/entries", kind="work_note", text="Called at noon")
    assert "Called at noon" in (await admin.get(at)).text
    closed = (await admin.follow(await admin.post(f"{at}/cancel", reason="Changed their mind"))).text
    assert "Changed their mind" in closed
    assert "data-poll" not in closed
    copied = await admin.post(f"{at}/copies")
    assert copied.headers["location"] == "/registrations/REG0000002"


async def test_a_contact_sees_its_own_registrations_and_comments_and_neither_notes_nor_others(
    world: World, admin: Browser
) -> None:
    contact = await world.contact()
    own = await world.registration(contact)
    other = await world.registration(await world.contact("Bob Noone", "Elsewhere Ltd"), "https://other.example")
    for kind, text in (("comment", "Please call us"), ("work_note", "They are slow")):
        await admin.post(f"/registrations/{own}/entries", kind=kind, text=text)
    person = await world.context.database.read(directory.get_user, contact.user_id)
    ann = await world.browser_of(person)
    shown = (await ann.get("/")).text
    assert [text in shown for text in (own, "Please call us", "They are slow", other)] == [True, True, False, False]
    listed = (await ann.get("/api/v1/registrations")).json()["items"]
    assert [one["number"] for one in listed] == [own]
    entries = (await ann.get(f"/api/v1/registrations/{own}/entries")).json()
    assert [entry["text"] for entry in entries] == ["Please call us"]
    assert (await ann.get(f"/api/v1/registrations/{own}")).json()["number"] == own
    for path in ("", "/entries"):
        hidden = await ann.get(f"/api/v1/registrations/{other}{path}")
        missing = await ann.get(f"/api/v1/registrations/REG0009999{path}")
        assert (hidden.status_code, hidden.json()["code"]) == (404, "registration_unknown")
        assert missing.json()["code"] == hidden.json()["code"]


async def test_an_edit_before_the_announcement_is_kept(world: World, admin: Browser) -> None:
    contact = await world.contact()
    number = await world.registration(contact)
    fields = {"contact_id": contact.id, "consumer_url": "https://desk.example", "token_hours": "12"}
    assert (await admin.post(f"/registrations/{number}/edit", environment="test", **fields)).status_code == 303
    assert "test" in (await admin.get(f"/registrations/{number}/edit")).text


async def test_an_issue_is_taken_muted_with_a_reason_and_shown_again(world: World, admin: Browser) -> None:
    names = await world.furnished()
    at = f"/health/issues/{names['issue']}"
    assert "with Ada Lovelace" in (await admin.follow(await admin.post(f"{at}/assignment", assign="me"))).text
    assert (await admin.post(f"{at}/muting", mute="yes", reason=" ")).status_code == 422
    muted = (await admin.follow(await admin.post(f"{at}/muting", mute="yes", reason="Known until Monday"))).text
    assert "Known until Monday" in muted
    assert names["issue"] not in (await admin.get("/health")).text
    assert names["issue"] in (await admin.get("/health?show=muted")).text
    await admin.post(f"{at}/muting", mute="no")
    assert names["issue"] in (await admin.get("/health")).text


async def test_only_an_operator_changes_an_issue(world: World) -> None:
    names = await world.furnished()
    reader = await world.browser(Role.SN_SB_READ)
    answer = await reader.post(f"/health/issues/{names['issue']}/assignment", assign="me")
    assert answer.status_code == 403


async def test_whoever_lacks_a_key_role_gets_the_verdict_and_a_name_to_ask(world: World) -> None:
    await world.person(Role.SN_KMF_ADMIN, name="Key Keeper")
    page = (await (await world.browser(Role.ADMIN)).get("/keys")).text
    assert "Key management is healthy" in page
    assert "Key Keeper" in page
    assert "Master key readable" not in page


async def test_a_key_is_given_up_only_when_its_id_is_typed(world: World, chief: Browser) -> None:
    kid = (await world.furnished())["kid"]
    at = f"/keys/{kid}/compromise"
    assert (await chief.post(at, confirmation="wrong", reason="stolen")).status_code == 422
    assert (await chief.post(at, confirmation=kid[:8], reason="")).status_code == 422
    assert (await chief.post(at, confirmation=kid[:8], reason="stolen")).status_code == 303
    assert "Given up" in (await chief.get("/keys")).text


async def test_a_key_is_rotated(chief: Browser) -> None:
    assert "next token key" in (await chief.follow(await chief.post("/keys/rotations", purpose="token"))).text
    assert "no such purpose" in (await chief.follow(await chief.post("/keys/rotations", purpose="nonsense"))).text


async def test_a_connection_ends_only_when_its_peer_s_name_is_typed(world: World, admin: Browser) -> None:
    names = await world.furnished()
    at = f"/connections/{names['connection']}"
    assert (await admin.post(f"{at}/disconnect", confirmation="other")).status_code == 422
    assert "Connecting" in (await admin.get(at)).text
    assert (await admin.post(f"{at}/disconnect", confirmation="desk-one", reason="Done")).status_code == 303
    assert "This connection has ended" in (await admin.get(at)).text


async def test_a_connection_that_is_not_active_cannot_be_paused(world: World, admin: Browser) -> None:
    names = await world.furnished()
    answer = await admin.post(f"/connections/{names['connection']}/pause")
    assert "banner-error" in (await admin.follow(answer)).text


async def test_a_connection_is_suspended_and_a_new_invitation_re_keys_it(world: World, admin: Browser) -> None:
    names = await world.furnished()
    at = f"/connections/{names['connection']}"
    await world.context.database.write(
        registrations.complete, connection_id=names["connection"], now=world.context.clock()
    )
    early = await admin.post(f"{at}/rekey", contact_id=names["contact"], token_hours="72")
    assert (early.status_code, "not Suspended" in early.text) == (409, True)
    assert "lost its identity key" in (await admin.get(f"{at}/suspend")).text
    suspended = await admin.post(f"{at}/suspend", reason="Stolen", identity_lost="on")
    assert "is suspended" in (await admin.follow(suspended)).text
    assert (await admin.post(f"{at}/rekey", contact_id="", token_hours="x")).status_code == 422
    opened = await admin.post(f"{at}/rekey", contact_id=names["contact"], token_hours="72")
    assert opened.status_code == 303
    page = (await admin.get(opened.headers["location"])).text
    assert "re-keys an existing connection" in page
    assert at in page


async def test_a_person_says_which_of_two_histories_of_a_peer_goes_on(world: World, admin: Browser) -> None:
    names = await world.furnished()
    at, word = f"/connections/{names['connection']}", "a-word-of-another-history"
    now = world.context.clock()
    await world.context.database.write(connections.contest, connection_id=names["connection"], history=word, now=now)
    assert "Two histories of this peer are calling" in (await admin.get(at)).text
    decided = await admin.follow(await admin.post(f"{at}/history/keep"))
    assert "It is decided which history goes on" in decided.text
    assert "Two histories" not in decided.text
    assert "banner-error" in (await admin.follow(await admin.post(f"{at}/history/keep"))).text


async def test_a_restored_side_says_that_marks_are_compared_and_what_was_lost(world: World, admin: Browser) -> None:
    names = await world.furnished()
    at, now = f"/connections/{names['connection']}", world.context.clock()
    await world.context.database.write(connections.restored, SYSTEM, now)
    assert "This side sends nothing before that is done" in (await admin.get(at)).text
    await world.context.database.write(connections.reconciled, connection_id=names["connection"], now=now)
    shown = (await admin.get(at)).text
    assert "This side sends nothing" not in shown
    assert "Lost here for good" in shown


async def test_a_heartbeat_says_what_came_of_it(world: World, admin: Browser) -> None:
    names = await world.furnished()
    answer = await admin.post(f"/connections/{names['connection']}/heartbeat")
    assert "banner-" in (await admin.follow(answer)).text


async def test_roles_over_keys_stay_as_they_are_when_an_admin_saves_roles(world: World, admin: Browser) -> None:
    person = await world.person(Role.SN_KMF_CRYPTOGRAPHIC_AUDITOR, Role.SN_SB_READ)
    saved = await admin.post(f"/users/{person.id}/roles", roles=["sn_sb.admin"])
    assert saved.status_code == 303
    shown = (await admin.get("/users")).text
    assert "sn_kmf.cryptographic_auditor, sn_sb.admin" in shown


async def test_the_record_is_changed_by_the_version_that_was_shown(world: World, admin: Browser) -> None:
    fields = {"name": "hub-two", "instance_type": "sub_production", "sender_address": "", "support_contact": ""}
    assert (await admin.post("/instance/edit", version="1", **fields)).status_code == 303
    assert (await admin.post("/instance/edit", version="1", **fields)).status_code == 412
    assert (await admin.post("/instance/edit", version="2", **{**fields, "name": "no blanks!"})).status_code == 422
    assert "hub-two" in (await admin.get("/instance")).text


async def test_what_is_declared_for_companies_is_asked_for_and_kept(world: World, admin: Browser) -> None:
    await declared(world)
    refused = await admin.post("/companies", name="Harbour Ltd", Berths_c="many")
    assert refused.status_code == 422
    assert "Not a number" in refused.text
    fields = {"domains": "harbour.example", "verified_domains": "harbour.example", "key_secret": "on"}
    made = await admin.post("/companies", name="Harbour Ltd", Berths_c="12", **fields)
    company = made.headers["location"]
    assert "Berths" in (await admin.follow(made)).text
    edited = (await admin.get(f"{company}/edit")).text
    assert 'value="12"' in edited
    await admin.post(f"{company}/edit", name="Harbour Ltd", Berths_c="13", active="on", **fields)
    kept = await world.context.database.read(accounts.get_company, company.rpartition("/")[2])
    assert (kept.attributes, kept.verified_domains, kept.key_secret) == ({"Berths_c": 13}, ("harbour.example",), True)


async def declared(world: World) -> None:
    await world.context.database.write(
        accounts.declare_attribute,
        DeclaredFor.COMPANY,
        "Berths_c",
        AttributeType.NUMBER,
        AttributeFacts("Berths"),
        actor=SYSTEM,
        now=world.now(),
    )


async def test_an_option_is_set_refused_with_the_reason_and_given_its_default_back(admin: Browser) -> None:
    at = "/options/SVC_CSS_SELF_REGISTRATION"
    await admin.post(at, value="None")
    assert "New Or Existing" in (await admin.get(at)).text
    refused = await admin.post("/options/SVC_CSS_ACCT_KEY_FIELD", value="Nothing_c")
    assert refused.status_code == 422
    assert "Not an attribute of the account with unique values" in refused.text
    assert 'value="Nothing_c"' in refused.text
    await admin.post(at, reset="yes")
    assert "Back to the default" not in (await admin.get(at)).text
