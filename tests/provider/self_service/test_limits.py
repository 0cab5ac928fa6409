"""Every attribute of a request at its longest, and one character beyond (reference, sections 2a to 2c)."""

import pytest

from provider_service.self_service.domain import accepted
from shared.wire.errors import Invalid
from shared.wire.self_service import REQUEST_ATTRIBUTES
from tests.provider.self_service.world import ADA, Town

LIMITS = {
    "RequestTypeCd": 30,
    "AccountKey": 320,
    "EmailAddress": 320,
    "LoginId": 320,
    "FirstName": 150,
    "MiddleName": 60,
    "LastName": 150,
    "DateOfBirth": 10,
    "PlaceOfBirth": 60,
    "RawWorkPhoneNumber": 60,
    "RawMobileNumber": 60,
    "RawHomePhoneNumber": 60,
} | {
    f"{which}{part}": limit
    for which in ("Primary", "Secondary")
    for part, limit in {"AddressLine1": 240, "AddressLine2": 240, "AddressType": 30}.items()
} | {
    f"{which}{part}": 60
    for which in ("Primary", "Secondary")
    for part in ("City", "State", "Province", "PostalCode", "Country")
}  # fmt: skip
SHAPED = {
    "RequestTypeCd": "ORA_CSS_REQ_TYPE_CONTACT",
    "DateOfBirth": "1815-12-10",
    "EmailAddress": f"{'a' * 64}@{'b' * 63}.{'b' * 63}.{'b' * 57}.com",
}
"""Of an address 254 characters are what mail can carry (RFC 5321, section 4.5.3.1.3)."""
LONGEST = {name: SHAPED.get(name, "x" * limit) for name, limit in LIMITS.items()}


def test_every_attribute_has_its_limit():
    assert dict(REQUEST_ATTRIBUTES) == LIMITS


def test_one_character_more_is_refused_by_name_and_nothing_else_is():
    accepted(LONGEST)
    for name, limit in LIMITS.items():
        longer = {**LONGEST, name: LONGEST[name].ljust(limit, "x") + "x"}
        assert len(longer[name]) == limit + 1
        with pytest.raises(Invalid) as caught:
            accepted(longer)
        assert (caught.value.code, [one.pointer for one in caught.value.errors]) == (
            "attribute_invalid",
            [f"/attributes/{name}"],
        )


@pytest.mark.anyio
async def test_a_mapped_text_that_the_contact_cannot_take_is_refused_when_it_is_submitted(house):
    town = await Town(house).set_up()
    declared = {"object": "request", "code": "Site_c", "type": "text", "label": "Site"}
    assert (await town.admin.post("/api/v1/custom-attributes", json=declared)).status_code == 201
    await town.option("SVC_CSS_REG_CONT_MAP", "Site_c=City,PrimaryAddressLine1=FirstName")
    for changes, name in (
        ({"Site_c": "x" * 151}, "Site_c"),
        ({"PrimaryAddressLine1": "x" * 151, "FirstName": None}, "PrimaryAddressLine1"),
    ):
        with pytest.raises(Invalid) as caught:
            await town.sign_up(**changes)
        assert [one.pointer for one in caught.value.errors] == [f"/attributes/{name}"]
    shown = await town.approved(Site_c="x" * 150)
    contact = (await town.admin.get(f"/api/v1/contacts/{shown['contact_id']}")).json()
    assert [len(one["city"]) for one in contact["addresses"]] == [150]


@pytest.mark.anyio
async def test_the_longest_of_everything_is_kept_whole_from_the_request_to_the_contact(house):
    town = await Town(house).set_up()
    request_id = await town.proven(**LONGEST)
    at = f"/api/v1/self-service/requests/{request_id}"
    assert (await town.staff.put(f"{at}/company", json={"company_id": town.company})).status_code == 200
    shown = (await town.staff.post(f"{at}/approve", json={})).json()
    assert (shown["state"], shown["failure"]) == ("ORA_CSS_APPROVED", None)
    assert {name: len(value) for name, value in shown["attributes"].items()} == {
        name: len(value) for name, value in LONGEST.items()
    }
    contact = (await town.admin.get(f"/api/v1/contacts/{shown['contact_id']}")).json()
    kept = ("first_name", "middle_name", "last_name", "place_of_birth", "work_phone", "mobile_phone", "home_phone")
    assert [len(contact[name]) for name in kept] == [150, 60, 150, 60, 60, 60, 60]
    for address in contact["addresses"]:
        assert (len(address["line1"]), len(address["line2"]), len(address["type"])) == (240, 240, 30)
        assert {len(address[part]) for part in ("city", "state", "province", "postal_code", "country")} == {60}
    assert len(contact["addresses"]) == 2
    assert contact["email"] == SHAPED["EmailAddress"] != ADA["EmailAddress"]
    user = town.user(contact["email"])
    assert user is not None
    assert user.id == shown["user_id"]
