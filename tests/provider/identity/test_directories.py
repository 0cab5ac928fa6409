"""The port holds for either directory: our own, and one that is asked over SCIM. Everything may be done twice."""

import asyncio

import pytest

from provider_service.audit.domain import SYSTEM
from provider_service.identity.domain import NewUser
from shared.wire.errors import Conflict, NotFound
from tests.provider.conftest import House
from tests.provider.identity.conftest import Place
from tests.provider.self_service.world import Town

pytestmark = pytest.mark.anyio

ADA = NewUser("reference-1", "ada@engines.example", "ada@engines.example", "Ada King Lovelace", "de")
ROLE = "ORA_SVC_CUSTOMER_SELF_SERVICE_USER_ABSTRACT"


async def test_a_user_is_made_inactive_and_found_by_login(place: Place) -> None:
    assert await place.directory.find_by_login(ADA.login) is None
    made = await place.directory.create_inactive(ADA, actor=SYSTEM)
    assert (made.login, made.email, made.active, made.reference) == (ADA.login, ADA.email, False, ADA.reference)
    assert await place.directory.find_by_login("ADA@Engines.example") == made
    known = place.person(made.id)
    assert (known.name, known.language, known.active, known.has_password) == (ADA.name, "de", False, False)
    assert known.roles == frozenset()


async def test_making_the_same_user_again_finds_the_one_that_was_made(place: Place) -> None:
    first, second = [await place.directory.create_inactive(ADA, actor=SYSTEM) for _ in range(2)]
    assert first == second
    await place.directory.activate(first.id, actor=SYSTEM)
    assert (await place.directory.create_inactive(ADA, actor=SYSTEM)).id == first.id


async def test_two_who_make_the_same_user_at_once_make_one(place: Place) -> None:
    made = await asyncio.gather(
        *(place.directory.create_inactive(ADA, actor=SYSTEM) for _ in range(3)), return_exceptions=True
    )
    ids = {one.id for one in made if not isinstance(one, BaseException)}
    assert len(ids) == 1
    assert all(isinstance(one, Conflict) for one in made if isinstance(one, BaseException))


@pytest.mark.parametrize(
    ("login", "email"), [(ADA.login, "other@engines.example"), ("somebody", ADA.email), (ADA.login, ADA.email)]
)
async def test_a_login_or_address_of_somebody_else_stays_theirs(place: Place, login: str, email: str) -> None:
    other = place.named(login, email)
    with pytest.raises(Conflict) as refused:
        await place.directory.create_inactive(ADA, actor=SYSTEM)
    assert refused.value.code in {"login_taken", "email_taken"}
    assert place.person(other.id) == other


async def test_a_user_is_activated_and_deactivated(place: Place) -> None:
    made = await place.directory.create_inactive(ADA, actor=SYSTEM)
    for act, active in ((place.directory.activate, True), (place.directory.deactivate, False)):
        for _ in range(2):
            await act(made.id, actor=SYSTEM)
            assert place.person(made.id).active is active


async def test_a_user_is_put_into_groups_and_taken_out(place: Place) -> None:
    first = await place.directory.create_inactive(ADA, actor=SYSTEM)
    other = NewUser("reference-2", "bea", "bea@engines.example", "Bea", "en")
    second = await place.directory.create_inactive(other, actor=SYSTEM)
    for user in (first, second, first):
        await place.directory.grant(user.id, ROLE, actor=SYSTEM)
    await place.directory.grant(first.id, 'Role "quoted" \\ (and so on)', actor=SYSTEM)
    assert place.groups_of(first.id) == [ROLE, 'Role "quoted" \\ (and so on)']
    for _ in range(2):
        await place.directory.revoke(first.id, ROLE, actor=SYSTEM)
    assert place.groups_of(first.id) == ['Role "quoted" \\ (and so on)']
    assert place.groups_of(second.id) == [ROLE]
    await place.directory.revoke(first.id, "a group that is not there", actor=SYSTEM)


async def test_a_login_is_a_login_and_no_filter(place: Place) -> None:
    made = await place.directory.create_inactive(ADA, actor=SYSTEM)
    for login in ('x" or userName pr or userName eq "', "*", "%", 'ada@engines.example" or "', "\\", "ad\u0430"):
        assert await place.directory.find_by_login(login) is None
    odd = NewUser("reference-3", 'o"neill\\ü', "odd@engines.example", "Odd", "en")
    assert (await place.directory.create_inactive(odd, actor=SYSTEM)).login == odd.login
    found = await place.directory.find_by_login(odd.login)
    assert found is not None
    assert found.id != made.id


async def test_somebody_who_is_not_there_is_told(place: Place) -> None:
    for act in (place.directory.activate, place.directory.deactivate):
        with pytest.raises((NotFound, Conflict)):
            await act("../Groups", actor=SYSTEM)


async def test_a_request_is_carried_out_in_the_other_directory(remote_house: House, served, there) -> None:
    town = await Town(remote_house).set_up()
    shown = await town.approved()
    place = Place(None, there)  # type: ignore[arg-type]
    known = place.person(shown["user_id"])
    assert (known.email, known.active) == ("ada@engines.example", True)
    assert ROLE in place.groups_of(known.id)
    assert town.user("ada@engines.example") is None
    contact = (await town.admin.get("/api/v1/contacts?email=ada@engines.example")).json()["items"][0]
    assert contact["user_id"] == known.id
    trail = (await town.admin.get("/api/v1/audit?subject_type=directory_user")).json()["items"]
    actions = [entry["action"] for entry in reversed(trail)]
    assert actions[0] == "directory_user.created"
    assert "directory_user.group_granted" in actions
    assert actions[-1] == "directory_user.updated"
