"""Every option that names something is followed from the next request on: key, contact, login, copies, roles."""

import pytest

from provider_service.directory import service as directory
from tests.provider.self_service.world import Town

pytestmark = pytest.mark.anyio

REQUESTS = "/api/v1/self-service/requests"
B2C = {"RequestTypeCd": "ORA_CSS_REQ_TYPE_CONSUMER", "AccountKey": None}


@pytest.fixture
async def town(house):
    return await Town(house).set_up()


async def declare(town, object_, code, type_="text", **more):
    members = {"object": object_, "code": code, "type": type_, "label": code, **more}
    answer = await town.admin.post("/api/v1/custom-attributes", json=members)
    assert answer.status_code == 201, answer.text


async def contact(town, contact_id):
    return (await town.admin.get(f"/api/v1/contacts/{contact_id}")).json()


@pytest.mark.parametrize("field", ["OrganizationName", "ExternalKey", "Number_c"])
async def test_an_account_is_found_by_the_attribute_that_is_its_key_and_by_no_other(town, field):
    await declare(town, "company", "Number_c", unique=True)
    keys = {"OrganizationName": "Looms", "ExternalKey": "L-1", "Number_c": "4711"}
    looms = await town.make_company("Looms", external_key="L-1", attributes={"Number_c": "4711"})
    await town.option("SVC_CSS_ACCT_KEY_FIELD", field)
    for number, (name, key) in enumerate(keys.items()):
        request_id = await town.proven(EmailAddress=f"person{number}@looms.example", AccountKey=key)
        shown = (await town.staff.get(f"{REQUESTS}/{request_id}")).json()
        wanted = (looms, None) if name == field else (None, "account_unclear")
        assert (shown["company_id"], shown["reason"]) == wanted, name


async def test_a_contact_is_found_by_the_attribute_that_the_map_names(town):
    await declare(town, "request", "Badge_c")
    await declare(town, "contact", "Card_c")
    await town.option("SVC_CSS_REG_CONT_MAP", "Badge_c=Card_c")
    await town.option("SVC_CSS_REG_FLD_CONTACT", "Badge_c")
    known = await town.admin.post(
        "/api/v1/contacts", json={"email": "ada@engines.example", "attributes": {"Card_c": "12"}}
    )
    await town.admin.post("/api/v1/contacts", json={"email": "ada@engines.example", "attributes": {"Card_c": "13"}})
    shown = await town.approved(Badge_c="12")
    assert (shown["outcome"], shown["contact_id"]) == ("create_user", known.json()["id"])
    other = await town.proven(EmailAddress="bea@engines.example", Badge_c="13")
    waiting = (await town.staff.get(f"{REQUESTS}/{other}")).json()
    assert (waiting["awaits"], waiting["reason"]) == ("staff", "contact_other_email")


async def test_the_login_is_the_one_given_or_the_attribute_that_the_option_names(town):
    await declare(town, "request", "Badge_c")
    await town.option("SVC_CSS_SIGN_IN_ATTR_NAME", "Badge_c")
    taken = await town.approved(Badge_c="badge-7")
    given = await town.approved(EmailAddress="bea@engines.example", Badge_c="badge-8", LoginId="bea")
    assert (taken["login"], given["login"]) == ("badge-7", "bea")
    user = town.user("ada@engines.example")
    assert user is not None
    assert user.login == "badge-7"


async def test_names_that_differ_by_their_ending_belong_together(town):
    await declare(town, "request", "PlaceOfBirth_c")
    await declare(town, "contact", "AccountKey_c")
    shown = await town.approved(PlaceOfBirth_c="London")
    made = await contact(town, shown["contact_id"])
    assert made["place_of_birth"] == "London"
    assert "AccountKey_c" not in made["attributes"]


async def test_no_attribute_takes_the_place_of_the_address_that_was_proven(town):
    await declare(town, "request", "EmailAddress_c", "email")
    shown = await town.approved(EmailAddress_c="victim@elsewhere.example")
    assert (await contact(town, shown["contact_id"]))["email"] == "ada@engines.example"


async def test_the_roles_that_options_name_are_those_that_are_granted(town):
    await town.option("SVC_CSS_USER_ROLE_COMMON_NAME", "ENGINES_USER")
    await town.option("SVC_CSS_ACCT_ADMIN_ROLE_COMMON_NAME", "ENGINES_ADMIN")
    shown = await town.approved()
    roles = (await town.admin.get("/api/v1/self-service/roles")).json()["items"]
    assert {(one["role"], one["administrator"]) for one in roles} == {("ENGINES_USER", False), ("ENGINES_ADMIN", True)}
    with town.context.database.transaction() as session:
        found = directory.groups_of(session, [shown["user_id"]])[shown["user_id"]]
    assert {name for _, name in found} == {"ENGINES_USER", "ENGINES_ADMIN"}


async def test_somebody_who_registers_for_themselves_gets_the_category_and_others_none(town):
    await town.option("SVC_CSS_ALLOW_CONSUMER", "TRUE")
    await town.option("SVC_CSS_CONSUMER_USER_CATEGORY", "Private customers")
    own = await town.approved(**B2C)
    of_account = await town.approved(EmailAddress="bea@engines.example")
    found = [(await contact(town, one["contact_id"]))["category"] for one in (own, of_account)]
    assert found == ["Private customers", ""]


async def test_an_account_administrator_starts_what_does_not_go_on_by_itself(town):
    await town.approved()
    ada = await town.signed_in("ada@engines.example")
    await town.make_company("Looms")
    await town.option("SVC_CSS_ALLOW_CONTACT", "FALSE")
    colleague = await town.proven(EmailAddress="bea@engines.example")
    stranger = await town.proven(EmailAddress="cyd@looms.example", AccountKey="Looms")
    assert (await ada.get(f"{REQUESTS}/{colleague}")).json()["awaits"] == "start"
    assert (await ada.post(f"{REQUESTS}/{stranger}/start")).status_code == 404
    assert (await ada.post(f"{REQUESTS}/{colleague}/start")).json()["awaits"] == "account_administrators"
    assert (await ada.post(f"{REQUESTS}/{colleague}/approve", json={})).json()["state"] == "ORA_CSS_APPROVED"


async def test_a_person_who_signs_up_for_themselves_needs_nobody_where_the_option_says_so(town):
    for code in ("SVC_CSS_ALLOW_CONSUMER", "ORA_SVC_CSS_SELF_REG_B2C_AUTO_APPROVE"):
        await town.option(code, "TRUE")
    own = await town.proven(**B2C)
    of_account = await town.proven(EmailAddress="bea@engines.example")
    states = [(await town.staff.get(f"{REQUESTS}/{one}")).json()["state"] for one in (own, of_account)]
    assert states == ["ORA_CSS_APPROVED", "ORA_CSS_PENDING"]
