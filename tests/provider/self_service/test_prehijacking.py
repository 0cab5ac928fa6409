"""Taking accounts before or beside their owners: five attacks, by every way to an account, in either order.

The attacks are those of Sudhodanan and Paverd, "Pre-hijacked Accounts" (USENIX Security 2022). A cell of the table is
an attack, the way by which the owner gets an account, and who comes first. None of the fifty is impossible, and none
succeeds. What is particular to one way is tried where it is at home: test_attacks, test_invitation_attacks, tests/oidc,
and of a hostile connection tests/interaction/test_access.
"""

from collections.abc import Awaitable, Callable
from itertools import product

import pytest

from provider_service.self_service import calls
from shared.transport.openapi import operations
from shared.wire.errors import NotFound
from tests.openapi import documents
from tests.openapi.matrix import ADMIN, DESK, MAY
from tests.provider.self_service.prehijacking import (
    CREATING,
    EVE,
    PATHS,
    STOLEN,
    Attacker,
    Owner,
    Street,
    begins,
    by_sign_up,
    changes_address,
    inside,
    links_own_account,
    street_at,
)

pytestmark = pytest.mark.anyio

Before = Callable[[Street, Attacker, str], Awaitable[None]]
After = Callable[[Street, Attacker, Owner], Awaitable[None]]


async def merge_before(street: Street, attacker: Attacker, path: str) -> None:
    """The attacker's account is of the other kind than the owner's will be; an equal address joins them in vain."""
    if path == "oidc":
        await begins(street, attacker)
    else:
        await street.claims("eve", attacker.email, verified=True)


async def merge_after(street: Street, attacker: Attacker, owner: Owner) -> None:
    await merge_before(street, attacker, "oidc" if owner.subject else "")
    await street.door.change(**CREATING)
    await street.claims("eve", attacker.email, verified=True)
    await street.door.change(may_create_users=False, email_trusted=False)


async def session_before(street: Street, attacker: Attacker, _path: str) -> None:
    """Whatever asking for access answers, cookies too, is kept until the owner has the account."""
    await begins(street, attacker)
    await attacker.browser.post("/sign-in", email=attacker.email, password=STOLEN)


async def session_after(street: Street, attacker: Attacker, owner: Owner) -> None:
    browser = await inside(street, attacker, owner)
    made = (await browser.api("POST", "/tokens", {"name": "t", "scopes": ["users:read"]})).json()["token"]
    await street.recovers(owner)
    answer = await browser.client.get("/api/v1/me", headers={"authorization": f"Bearer {made}", "cookie": ""})
    assert answer.status_code == 401


async def trojan_before(street: Street, attacker: Attacker, _path: str) -> None:
    await begins(street, attacker, LoginId=attacker.trojan)


async def trojan_after(street: Street, attacker: Attacker, owner: Owner) -> None:
    await links_own_account(await inside(street, attacker, owner), attacker.trojan)
    assert await street.whose(await street.enters(Owner("", subject=attacker.trojan))) == owner.email
    await street.recovers(owner)


async def change_before(street: Street, attacker: Attacker, _path: str) -> None:
    """In an account of the attacker's own a change to the owner's address is begun and not ended."""
    if street.town.user(EVE) is None:
        await by_sign_up(street, EVE)
    attacker.browser = await street.door.browser(street.person(EVE), "the owner's own passphrase")
    await changes_address(attacker.browser, attacker.email)
    assert await street.whose(attacker.browser) == EVE


async def change_after(street: Street, attacker: Attacker, owner: Owner) -> None:
    """In the owner's account a change to the attacker's address is begun; the owner recovers the account."""
    await changes_address(await inside(street, attacker, owner), "eve2@evil.example")
    assert street.town.user("eve2@evil.example") is None
    await street.recovers(owner)


async def lax_before(street: Street, attacker: Attacker, _path: str) -> None:
    """The identity provider says whatever address somebody claims; it may make users, and proves no mailbox."""
    for trusted, verified in ((False, True), (True, False)):
        await street.door.change(may_create_users=trusted, email_trusted=trusted)
        await street.claims("eve", attacker.email, verified=verified)
    await street.door.change(may_create_users=False, email_trusted=False)


async def lax_after(street: Street, attacker: Attacker, _owner: Owner) -> None:
    await lax_before(street, attacker, "")


ATTACKS: dict[str, tuple[Before, After]] = {
    "classic-federated merge": (merge_before, merge_after),
    "unexpired session": (session_before, session_after),
    "trojan identifier": (trojan_before, trojan_after),
    "unexpired e-mail change": (change_before, change_after),
    "non-verifying identity provider": (lax_before, lax_after),
}


async def nothing_is_gained(street: Street, attacker: Attacker, owner: Owner) -> None:
    """The owner comes in; the attacker does not, by nothing they ever held."""
    assert await street.whose(await street.enters(owner)) == owner.email
    assert await street.whose(attacker.browser) != owner.email
    for name in (owner.email, attacker.trojan):
        assert await street.whose(await street.enters(Owner(name, password=STOLEN))) == ""
    for subject in ("eve", attacker.trojan):
        assert await street.whose(await street.enters(Owner(EVE, subject=subject))) == ""
    for secret in attacker.secrets:
        with pytest.raises(NotFound):
            await calls.prove(street.town.context, secret)
        assert (await calls.follow(street.town.context, secret)).attributes["LastName"] == "Evil"
    assert street.person(owner.email).login == owner.email
    known = (await street.town.admin.get(f"/api/v1/contacts?email={owner.email}")).json()["items"]
    assert "Evil" not in {one["last_name"] for one in known}
    for one in known:
        at = f"/api/v1/self-service/roles?contact_id={one['id']}"
        held = (await street.town.admin.get(at)).json()["items"]
        assert {role["company_id"] for role in held} <= {street.town.company}


@pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgresql", marks=pytest.mark.one_of(len(ATTACKS)))])
@pytest.mark.parametrize("attack", ATTACKS)
async def test_no_attack_by_any_way_in_either_order_succeeds(attack, engine, request, tmp_path):
    before, after = ATTACKS[attack]
    async with street_at(request.getfixturevalue(f"{engine}_url"), tmp_path) as street:
        for number, (path, first) in enumerate(product(PATHS, ("attacker", "owner"))):
            email = f"owner{number}@engines.example"
            attacker = await street.attacker(email)
            if first == "attacker":
                await before(street, attacker, path)
                owner = await PATHS[path](street, email)
            else:
                owner = await PATHS[path](street, email)
                await after(street, attacker, owner)
            try:
                await nothing_is_gained(street, attacker, owner)
            except AssertionError as error:
                error.add_note(f"{attack}, {path}, {first} first")
                raise


STAFF_CHANGE = {"update_user": ADMIN, "update_contact": DESK}
"""Operation to the roles that give somebody who is there another address; it ends sessions and mailed links."""

MAKE = {
    *("create_user", "create_contact", "create_company_contact", "invite_to_account"),
    *("submit_request", "accept_account_invitation", "relay_request", "create_access_request"),
}
"""They bring an address along for what is new, and nothing of it counts before the mailbox or staff say so."""

OF_NO_PERSON = {"create_company", "update_company"}
"""Their attributes are an account's."""


@pytest.mark.parametrize("side", documents.NAMES)
def test_no_route_gives_a_person_another_address_on_anybody_s_own_word(side):
    """From the documents, which have every operation: one that takes an address and is not listed fails here."""
    document = documents.committed(side)
    taking = {
        operation["operationId"]
        for _, _, operation in operations(document)
        if members(document, operation.get("requestBody", {})) & {"email", "emails", "EmailAddress", "attributes"}
    }
    assert taking - STAFF_CHANGE.keys() - MAKE - OF_NO_PERSON == set(), "these take an address: who may, and of whom?"
    assert taking & STAFF_CHANGE.keys() == MAY[side].keys() & STAFF_CHANGE.keys()
    assert {name: MAY[side][name] for name in taking & STAFF_CHANGE.keys()}.items() <= STAFF_CHANGE.items()


def members(document: documents.Document, schema: object) -> set[str]:
    """Return the names of all members of what a body's schema allows, those of members too."""
    if isinstance(schema, list):
        return {name for one in schema for name in members(document, one)}
    if not isinstance(schema, dict):
        return set()
    if "$ref" in schema:
        return members(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    named = schema.get("properties", {})
    return {*named, *(name for one in schema.values() for name in members(document, one))}


async def test_an_address_that_staff_change_takes_what_was_mailed_to_the_old_one_back(sqlite_url, tmp_path):
    """Else who had the old mailbox sets the password of whoever has the new one."""
    async with street_at(sqlite_url, tmp_path) as street:
        person = street.town.house.person(email=EVE)
        assert (await street.door.admin.post(f"/users/{person.id}/password-mail")).status_code == 303
        mailed = await street.town.letter(EVE, "password")
        at = f"/api/v1/users/{person.id}"
        tag = (await street.town.admin.get(at)).headers["etag"]
        changed = await street.town.admin.patch(at, json={"email": "owner@engines.example"}, headers={"if-match": tag})
        assert changed.status_code == 200, changed.text
        await (await street.door.stranger()).post("/password/set", token=mailed.secret, password=STOLEN)
        for name in (EVE, "owner@engines.example"):
            assert await street.whose(await street.enters(Owner(name, password=STOLEN))) == ""
