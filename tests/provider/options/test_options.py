"""Profile options over HTTP: their defaults, what they may be set to, and that they count at once."""

import pytest

from provider_service.options import service
from provider_service.options.domain import DEFINITIONS
from shared.wire.states import Role

pytestmark = pytest.mark.anyio

DEFAULTS = {
    "SVC_CSS_ALLOW_CONTACT": "TRUE",
    "SVC_CSS_ALLOW_CONSUMER": "FALSE",
    "SVC_CSS_SELF_REGISTRATION": "New Or Existing",
    "SVC_CSS_SELF_REG_AUTO_APPROVE": "FALSE",
    "ORA_SVC_CSS_SELF_REG_B2C_AUTO_APPROVE": "FALSE",
    "SVC_CSS_ACCT_ADMIN_APPROVE": "TRUE",
    "SVC_CSS_ACCT_KEY_FIELD": "OrganizationName",
    "SVC_CSS_REG_FLD_CONTACT": "EmailAddress",
    "SVC_CSS_REG_CONT_MAP": "",
    "SVC_CSS_SIGN_IN_ATTR_NAME": "EmailAddress",
    "SVC_CSS_USER_ROLE_COMMON_NAME": "ORA_SVC_CUSTOMER_SELF_SERVICE_USER_ABSTRACT",
    "SVC_CSS_ACCT_ADMIN_ROLE_COMMON_NAME": "ORA_SVC_CUSTOMER_SELF_SERVICE_ACCOUNT_ADMINISTRATOR_ABSTRACT",
    "SVC_CSS_CONSUMER_USER_CATEGORY": "",
}
"""From the design's table, written here once more."""

DECLARED = [
    {"object": "company", "code": "Number_c", "type": "text", "unique": True},
    {"object": "company", "code": "Region_c", "type": "text"},
    {"object": "request", "code": "Shoe_c", "type": "number"},
    {"object": "request", "code": "Metal_c", "type": "choice", "choices": ["gold", "silver", "tin"]},
    {"object": "request", "code": "Badge_c", "type": "text"},
    {"object": "contact", "code": "Size_c", "type": "number"},
    {"object": "contact", "code": "Ore_c", "type": "choice", "choices": ["gold", "silver"]},
    {"object": "contact", "code": "Card_c", "type": "text"},
    {"object": "contact", "code": "Mail_c", "type": "email"},
]
LEGAL = [
    ("SVC_CSS_ALLOW_CONSUMER", " true ", "TRUE"),
    ("SVC_CSS_SELF_REGISTRATION", "existing only", "Existing Only"),
    ("SVC_CSS_ACCT_KEY_FIELD", "ExternalKey", "ExternalKey"),
    ("SVC_CSS_ACCT_KEY_FIELD", "Number_c", "Number_c"),
    ("SVC_CSS_REG_FLD_CONTACT", "RawMobileNumber", "RawMobileNumber"),
    ("SVC_CSS_SIGN_IN_ATTR_NAME", "Badge_c", "Badge_c"),
    ("SVC_CSS_REG_CONT_MAP", "Shoe_c = Size_c , Badge_c=Card_c", "Shoe_c=Size_c,Badge_c=Card_c"),
    ("SVC_CSS_REG_CONT_MAP", "Shoe_c=Card_c", "Shoe_c=Card_c"),
    ("SVC_CSS_REG_CONT_MAP", "PrimaryCity=City,PrimaryCountry=Country", "PrimaryCity=City,PrimaryCountry=Country"),
    ("SVC_CSS_USER_ROLE_COMMON_NAME", "CUSTOMER_USER", "CUSTOMER_USER"),
    ("SVC_CSS_CONSUMER_USER_CATEGORY", "Private customers", "Private customers"),
]
ILLEGAL = [
    ("SVC_CSS_ALLOW_CONTACT", "maybe", "Not one of: FALSE, TRUE"),
    ("SVC_CSS_ALLOW_CONTACT", "", "Not one of: FALSE, TRUE"),
    ("SVC_CSS_SELF_REGISTRATION", "All", "Not one of: None, New Or Existing, Existing Only"),
    ("SVC_CSS_ACCT_KEY_FIELD", "Region_c", "attribute of the account with unique values"),
    ("SVC_CSS_ACCT_KEY_FIELD", "organizationname", "attribute of the account with unique values"),
    ("SVC_CSS_ACCT_KEY_FIELD", "", "attribute of the account with unique values"),
    ("SVC_CSS_REG_FLD_CONTACT", "Size_c", "Not an attribute of the request"),
    ("SVC_CSS_REG_FLD_CONTACT", "Badge_c", "Badge_c has no counterpart on the contact"),
    ("SVC_CSS_REG_FLD_CONTACT", "PrimaryCity", "PrimaryCity has no counterpart on the contact"),
    ("SVC_CSS_SIGN_IN_ATTR_NAME", "LoginId", "cannot name one person"),
    ("SVC_CSS_SIGN_IN_ATTR_NAME", "AccountKey", "cannot name one person"),
    ("SVC_CSS_SIGN_IN_ATTR_NAME", "DateOfBirth", "cannot name one person"),
    ("SVC_CSS_SIGN_IN_ATTR_NAME", "Nothing", "Not an attribute of the request"),
    ("SVC_CSS_REG_CONT_MAP", "Shoe_c", "'Shoe_c': not RegistrationAttribute=ContactAttribute"),
    ("SVC_CSS_REG_CONT_MAP", "Shoe_c=", "'' is not an attribute of the contact"),
    ("SVC_CSS_REG_CONT_MAP", ",", "'': not RegistrationAttribute=ContactAttribute"),
    ("SVC_CSS_REG_CONT_MAP", "Shoe_c=Size_c,", "'': not RegistrationAttribute=ContactAttribute"),
    ("SVC_CSS_REG_CONT_MAP", "Nothing_c=Size_c", "'Nothing_c' is not an attribute of the request"),
    ("SVC_CSS_REG_CONT_MAP", "Shoe_c=Nothing_c", "'Nothing_c' is not an attribute of the contact"),
    ("SVC_CSS_REG_CONT_MAP", "Size_c=Shoe_c", "'Size_c' is not an attribute of the request"),
    ("SVC_CSS_REG_CONT_MAP", "Badge_c=Size_c", "Badge_c is of type text, Size_c takes number"),
    ("SVC_CSS_REG_CONT_MAP", "Badge_c=Mail_c", "Badge_c is of type text, Mail_c takes email"),
    ("SVC_CSS_REG_CONT_MAP", "Metal_c=Ore_c", "Metal_c has choices that Ore_c does not take"),
    ("SVC_CSS_REG_CONT_MAP", "Badge_c=EmailAddress", "the contact's address is the request's"),
    ("SVC_CSS_REG_CONT_MAP", "EmailAddress=Card_c", "the contact's address is the request's"),
    (
        "SVC_CSS_REG_CONT_MAP",
        "Badge_c=Card_c,Badge_c=FirstName",
        "'Badge_c=FirstName': one of its attributes stands in another pair",
    ),
    (
        "SVC_CSS_REG_CONT_MAP",
        "Badge_c=Card_c,Shoe_c=Card_c",
        "'Shoe_c=Card_c': one of its attributes stands in another pair",
    ),
    ("SVC_CSS_REG_CONT_MAP", "Badge_c=Card_c=Size_c", "'Card_c=Size_c' is not an attribute of the contact"),
    ("SVC_CSS_USER_ROLE_COMMON_NAME", "", "Not a name of letters, digits"),
    ("SVC_CSS_USER_ROLE_COMMON_NAME", "two words", "Not a name of letters, digits"),
    ("SVC_CSS_USER_ROLE_COMMON_NAME", "admin", "A role of this console"),
    ("SVC_CSS_USER_ROLE_COMMON_NAME", "SN_KMF.ADMIN", "A role of this console"),
    ("SVC_CSS_USER_ROLE_COMMON_NAME", DEFAULTS["SVC_CSS_ACCT_ADMIN_ROLE_COMMON_NAME"], "the two roles have to differ"),
    ("SVC_CSS_ACCT_ADMIN_ROLE_COMMON_NAME", DEFAULTS["SVC_CSS_USER_ROLE_COMMON_NAME"], "the two roles have to differ"),
    ("SVC_CSS_CONSUMER_USER_CATEGORY", "x" * 61, "at most 60 characters"),
    ("SVC_CSS_CONSUMER_USER_CATEGORY", "a\nb", "at most 60 characters"),
]


async def put(client, code, value):
    path = f"/api/v1/options/{code}"
    tag = (await client.get(path)).headers["etag"]
    return await client.put(path, json={"value": value}, headers={"if-match": tag})


async def reset(client, code):
    path = f"/api/v1/options/{code}"
    return await client.delete(path, headers={"if-match": (await client.get(path)).headers["etag"]})


@pytest.fixture
async def admin(house):
    client = await house.client(Role.ADMIN)
    for members in DECLARED:
        answer = await client.post("/api/v1/custom-attributes", json=members | {"label": members["code"]})
        assert answer.status_code == 201, answer.text
    return client


async def test_every_option_of_the_design_is_there_with_its_default(house):
    client = await house.client(Role.SN_SB_READ)
    items = (await client.get("/api/v1/options")).json()["items"]
    assert {one["code"]: one["default"] for one in items} == DEFAULTS
    assert {one["code"]: one["value"] for one in items} == DEFAULTS
    assert all(one["is_default"] and one["description"] and one["version"] == 0 for one in items)
    assert [one["code"] for one in items] == list(DEFINITIONS)


async def test_a_legal_value_is_kept_in_its_one_spelling(admin):
    for code, value, kept in LEGAL:
        answer = await put(admin, code, value)
        assert (answer.status_code, answer.json().get("value")) == (200, kept), answer.text
        assert (await admin.get(f"/api/v1/options/{code}")).json() == answer.json()
        assert (await reset(admin, code)).json()["value"] == DEFAULTS[code]


async def test_an_illegal_value_is_refused_with_the_reason_and_changes_nothing(admin):
    for code, value, reason in ILLEGAL:
        answer = await put(admin, code, value)
        assert (answer.status_code, answer.json()["code"]) == (422, "option_invalid"), (code, value, answer.text)
        (error,) = answer.json()["errors"]
        assert error["pointer"] == "/value"
        assert reason in error["detail"]
        assert answer.json()["cause"] == f"{code}: {error['detail']}."
    assert (await admin.get("/api/v1/audit", params={"subject_type": "option"})).json()["items"] == []


async def test_a_mapped_attribute_can_find_the_contact_and_its_pair_stays_then(admin):
    assert (await put(admin, "SVC_CSS_REG_CONT_MAP", "Badge_c=Card_c")).status_code == 200
    assert (await put(admin, "SVC_CSS_REG_FLD_CONTACT", "Badge_c")).status_code == 200
    for answer in (await put(admin, "SVC_CSS_REG_CONT_MAP", ""), await reset(admin, "SVC_CSS_REG_CONT_MAP")):
        assert (answer.status_code, answer.json()["code"]) == (422, "option_invalid")


async def test_a_change_names_the_version_it_starts_from(house):
    client = await house.client(Role.ADMIN)
    path = "/api/v1/options/SVC_CSS_ALLOW_CONSUMER"
    assert (await client.put(path, json={"value": "TRUE"})).status_code == 428
    assert (await client.put(path, json={"value": "TRUE"}, headers={"if-match": '"0"'})).headers["etag"] == '"1"'
    assert (await client.put(path, json={"value": "FALSE"}, headers={"if-match": '"0"'})).status_code == 412
    assert (await client.delete(path)).status_code == 428
    assert (await client.delete(path, headers={"if-match": '"1"'})).headers["etag"] == '"2"'


async def test_the_history_says_who_when_from_what_to_what(house):
    person = house.person(Role.ADMIN, name="Ada")
    client = await house.client_of(person)
    code = "SVC_CSS_SELF_REGISTRATION"
    await put(client, code, "None")
    await put(client, code, "None")
    house.clock.advance(hours=1)
    await reset(client, code)
    page = (await client.get(f"/api/v1/options/{code}/history")).json()
    told = [(one["actor"]["name"], one["before"], one["after"], one["reset"]) for one in page["items"]]
    ada = f"{person.name}: test"
    assert told == [(ada, "None", "New Or Existing", True), (ada, "New Or Existing", "None", False)]
    assert page["items"][0]["at"] > page["items"][1]["at"]
    first = (await client.get(f"/api/v1/options/{code}/history", params={"limit": 1})).json()
    rest = await client.get(f"/api/v1/options/{code}/history", params={"cursor": first["next_cursor"]})
    assert first["items"] + rest.json()["items"] == page["items"]
    assert (await client.get("/api/v1/options/NOTHING/history")).json()["code"] == "option_unknown"


async def test_what_is_set_counts_in_the_next_transaction(house, admin):
    with house.context.database.transaction() as session:
        assert not service.current(session).allow_consumer
    await put(admin, "SVC_CSS_ALLOW_CONSUMER", "TRUE")
    await put(admin, "SVC_CSS_REG_CONT_MAP", "Shoe_c=Size_c,Badge_c=Card_c")
    with house.context.database.transaction() as session:
        found = service.current(session)
    assert (found.allow_consumer, found.reg_cont_map) == (True, {"Shoe_c": "Size_c", "Badge_c": "Card_c"})


async def test_what_an_option_relies_on_is_not_taken_back(admin):
    relied_on = [
        ("SVC_CSS_ACCT_KEY_FIELD", "Number_c", "company/Number_c"),
        ("SVC_CSS_SIGN_IN_ATTR_NAME", "Badge_c", "request/Badge_c"),
        ("SVC_CSS_REG_CONT_MAP", "Shoe_c=Size_c", "request/Shoe_c"),
        ("SVC_CSS_REG_CONT_MAP", "Shoe_c=Size_c", "contact/Size_c"),
    ]
    for code, value, attribute in relied_on:
        await put(admin, code, value)
        answer = await admin.delete(f"/api/v1/custom-attributes/{attribute}")
        assert (answer.status_code, answer.json()["code"]) == (409, "attribute_in_use")
        assert code in answer.json()["detail"]
    for code in {code for code, _, _ in relied_on}:
        await reset(admin, code)
    for _, _, attribute in relied_on:
        assert (await admin.delete(f"/api/v1/custom-attributes/{attribute}")).status_code == 204
