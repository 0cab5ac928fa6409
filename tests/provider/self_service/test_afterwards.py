"""What is done to people who were let in: suspending them, and keeping every account its administrator."""

import asyncio

import httpx
import pytest

from provider_service.directory import service as directory
from shared.wire.errors import Unauthenticated
from tests.provider.self_service.inviting import BEA, ROLES, contact_of
from tests.provider.self_service.world import Town

pytestmark = pytest.mark.anyio

ADA = "ada@engines.example"


@pytest.fixture
async def town(house):
    return await Town(house).set_up()


async def two_administrators(town: Town) -> dict[str, str]:
    """Let Ada and Bea in, who both administer the account; return the ids of their administrators' roles."""
    await town.approved()
    await town.approved(EmailAddress=BEA)
    body = {"company_id": town.company, "contact_id": await contact_of(town, BEA), "administrator": True}
    assert (await town.staff.post(ROLES, json=body)).status_code == 201
    names = {await contact_of(town, name): name for name in (ADA, BEA)}
    items = (await town.admin.get(ROLES)).json()["items"]
    return {names[one["contact_id"]]: one["id"] for one in items if one["administrator"]}


async def suspension(town: Town, by: httpx.AsyncClient, name: str, *, suspended: bool = True) -> httpx.Response:
    path = f"/api/v1/self-service/companies/{town.company}/contacts/{await contact_of(town, name)}/suspension"
    return await by.put(path, json={"suspended": suspended})


async def test_suspending_ends_sessions_and_takes_what_the_role_allowed_until_reactivated(town):
    await two_administrators(town)
    await town.signed_in(BEA)
    person = town.user(BEA)
    cookie = town.house.cookie(person)
    assert (await suspension(town, town.staff, BEA)).json()["enabled"] is False
    with pytest.raises(Unauthenticated), town.context.database.transaction() as session:
        directory.resolve_session(session, cookie, address="", now=town.house.clock())
    bea = await town.house.client_of(person)
    assert (await bea.get(ROLES)).json()["items"] == []
    assert len((await town.admin.get(f"{ROLES}?contact_id={await contact_of(town, BEA)}")).json()["items"]) == 2
    assert (await suspension(town, town.staff, BEA, suspended=False)).json()["enabled"] is True
    assert len((await bea.get(ROLES)).json()["items"]) == 4


async def test_whoever_is_suspended_is_no_administrator_left(town):
    roles = await two_administrators(town)
    assert (await suspension(town, town.staff, ADA)).status_code == 200
    for answer in (
        await town.staff.delete(f"{ROLES}/{roles[BEA]}"),
        await suspension(town, town.staff, BEA),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_administrator"), answer.text
    assert (await town.admin.delete(f"{ROLES}/{roles[BEA]}")).status_code == 204


async def test_two_last_administrators_removed_at_once_leave_one(town):
    roles = await two_administrators(town)
    answers = await asyncio.gather(*(town.staff.delete(f"{ROLES}/{one}") for one in roles.values()))
    assert sorted(one.status_code for one in answers) == [204, 409]


async def test_many_are_rejected_each_for_itself_with_a_note(town):
    ids = [await town.proven(EmailAddress=f"person{number}@engines.example") for number in range(3)]
    await town.post()
    body = {"ids": [*ids, "unknown"], "reject": True, "note_to_applicant": "Ask Ada", "internal_note": "Spam"}
    items = (await town.staff.post("/api/v1/self-service/decisions", json=body)).json()["items"]
    assert [one["state"] for one in items] == ["ORA_CSS_REJECTED"] * 3 + [None]
    letters = [one for one in await town.post() if "person" in one.to]
    assert len(letters) == 3
    assert all("Ask Ada" in one.text and "Spam" not in one.text for one in letters)
