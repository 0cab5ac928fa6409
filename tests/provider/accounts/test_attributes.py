"""Declared attributes: what may be declared, which values they take, and who is found by them."""

import pytest

from provider_service.accounts import service
from provider_service.accounts.domain import DeclaredFor
from provider_service.accounts.service import AccountHooks
from shared.wire.errors import Conflict, Invalid
from shared.wire.states import Role
from tests.provider.accounts.test_accounts import company
from tests.provider.accounts.test_contacts import record

pytestmark = pytest.mark.anyio

NUMBER = {"object": "company", "code": "Number_c", "type": "text", "label": "Number", "unique": True}
TYPES = {
    "text": ("red", ["", "two\nlines", "x" * 321, 1, True]),
    "number": (1.5, ["1", True, 1e16]),
    "boolean": (False, ["false", 0]),
    "date": ("2026-02-28", ["2026-02-30", "28.02.2026", "2026-W01-1", 20260228]),
    "choice": ("gold", ["Gold", "lead", 1]),
    "email": ("ada@example.com", ["ada", "@example.com", 1]),
}
"""Type to a value of it, and what is none."""


async def declare(client, **members):
    answer = await client.post("/api/v1/custom-attributes", json=NUMBER | members)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def put(client, made, **attributes):
    path = f"/api/v1/companies/{made['id']}"
    tag = (await client.get(path)).headers["etag"]
    return await client.patch(path, json={"attributes": attributes}, headers={"if-match": tag})


@pytest.mark.parametrize("type_", TYPES)
async def test_a_value_has_the_declared_type_or_is_refused_by_name(house, type_):
    client = await house.client(Role.ADMIN)
    choices = ["gold", "silver"] if type_ == "choice" else []
    await declare(client, type=type_, unique=False, choices=choices)
    made = await company(client)
    good, bad = TYPES[type_]
    assert (await put(client, made, Number_c=good)).json()["attributes"] == {"Number_c": good}
    for value in bad:
        answer = await put(client, made, Number_c=value)
        assert (answer.status_code, answer.json()["code"]) == (422, "attribute_invalid"), value
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/attributes/Number_c"]
    assert (await put(client, made, Number_c=None)).json()["attributes"] == {}


async def test_what_is_not_declared_or_missing_is_named(house):
    client = await house.client(Role.ADMIN)
    made = await company(client)
    await declare(client, required=True)
    answer = await put(client, made, Other_c=1)
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/attributes/Other_c", "/attributes/Number_c"}


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"code": "Number"}, "/code"),
        ({"code": "_c"}, "/code"),
        ({"type": "choice", "unique": False}, "/choices"),
        ({"choices": ["a"]}, "/choices"),
        ({"type": "choice", "choices": ["a", "a"]}, "/choices"),
        ({"object": "contact"}, "/unique"),
        ({"type": "boolean"}, "/unique"),
    ],
)
async def test_what_cannot_be_declared_is_named(house, members, pointer):
    client = await house.client(Role.ADMIN)
    answer = await client.post("/api/v1/custom-attributes", json=NUMBER | members)
    assert answer.status_code == 422
    assert pointer in {error["pointer"] for error in answer.json()["errors"]}


async def test_a_unique_value_belongs_to_one_company(house):
    client = await house.client(Role.ADMIN)
    await declare(client)
    holder = await company(client, attributes={"Number_c": "42"})
    other = await company(client)
    answer = await put(client, other, Number_c="42")
    assert (answer.status_code, answer.json()["code"]) == (409, "attribute_taken")
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/attributes/Number_c"]
    assert (await put(client, holder, Number_c="43")).status_code == 200
    assert (await put(client, other, Number_c="42")).status_code == 200


async def test_a_declaration_with_values_or_objections_stays(house):
    client = await house.client(Role.ADMIN)
    await declare(client)
    made = await company(client, attributes={"Number_c": "42"})
    path = "/api/v1/custom-attributes/company/Number_c"
    refused = await client.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "attribute_in_use")
    await put(client, made, Number_c=None)

    def objects(_session, attribute):
        raise Conflict(f"{attribute.code} is the account key", code="attribute_is_key")

    house.app.state.account_hooks = AccountHooks(before_removal=(objects,))
    assert (await client.delete(path)).json()["code"] == "attribute_is_key"
    house.app.state.account_hooks = AccountHooks()
    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404


async def test_a_choice_in_use_stays_and_a_label_changes(house):
    client = await house.client(Role.ADMIN)
    await declare(client, type="choice", choices=["gold", "silver"], unique=False)
    await company(client, attributes={"Number_c": "gold"})
    path = "/api/v1/custom-attributes/company/Number_c"
    refused = await client.patch(path, json={"choices": ["silver"]}, headers={"if-match": '"1"'})
    assert (refused.status_code, refused.json()["code"]) == (409, "choice_in_use")
    changed = await client.patch(path, json={"choices": ["gold"], "label": "Metal"}, headers={"if-match": '"1"'})
    assert (changed.json()["choices"], changed.json()["label"], changed.headers["etag"]) == (["gold"], "Metal", '"2"')
    listed = await client.get("/api/v1/custom-attributes", params={"object": "company"})
    assert listed.json()["items"] == [changed.json()]


async def test_a_company_is_found_exactly_by_what_can_be_its_key(house):
    client = await house.client(Role.ADMIN)
    await declare(client)
    await declare(client, code="Plain_c", unique=False)
    made = await company(client, name="Engines", external_key="K-1", attributes={"Number_c": "ab"})

    def find(field, value):
        with house.context.database.transaction() as session:
            return [one.id for one in service.companies_by_attribute(session, field, value)]

    for field, value in [("OrganizationName", "Engines"), ("ExternalKey", "K-1"), ("Number_c", "ab")]:
        assert find(field, value) == [made["id"]]
        for wrong in (value.swapcase(), value + " ", "%", "", "\x00"):
            assert find(field, wrong) == []
    for field in ("Plain_c", "id", "Nothing_c"):
        with pytest.raises(Invalid):
            find(field, "ab")
    for _ in range(2):
        await company(client, name="Engines")
    assert len(find("OrganizationName", "Engines")) == 2


async def test_a_contact_is_found_by_its_attributes_and_no_pointer_is(house):
    client = await house.client(Role.ADMIN)
    await declare(client, object="contact", unique=False)
    members = {"first_name": "Grace", "date_of_birth": "1906-12-09", "attributes": {"Number_c": "7"}}
    made, gone = await record(client, **members), await record(client, **members)
    await client.post(f"/api/v1/contacts/{gone['id']}/merge", json={"into_id": made["id"]})

    def find(field, value):
        with house.context.database.transaction() as session:
            return [one.id for one in service.contacts_by_attribute(session, field, value)]

    for field, value in [
        ("EmailAddress", "GRACE@example.COM"),
        ("FirstName", "Grace"),
        ("DateOfBirth", "1906-12-09"),
        ("Number_c", "7"),
    ]:
        assert find(field, value) == [made["id"]], field
    assert find("FirstName", "grace") == find("DateOfBirth", "never") == find("Number_c", "8") == []
    with pytest.raises(Invalid):
        find("City", "Springfield")


async def test_a_verified_domain_is_one_of_the_company_s(house):
    client = await house.client(Role.SN_SB_ADMIN)
    made = await company(client, domains=["a.example", "b.example"], verified_domains=["A.example"], key_secret=True)
    assert (made["verified_domains"], made["key_secret"]) == (["a.example"], True)
    answer = await client.post("/api/v1/companies", json={"name": "X", "verified_domains": ["c.example"]})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/verified_domains/0")


async def test_declared_attributes_are_known_to_other_slices(house):
    await declare(await house.client(Role.ADMIN))
    with house.context.database.transaction() as session:
        assert service.find_attribute(session, DeclaredFor.COMPANY, "Number_c").unique
        assert service.find_attribute(session, DeclaredFor.REQUEST, "Number_c") is None
