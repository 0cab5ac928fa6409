"""The directory's groups follow the roles, whatever breaks between the two writes and whoever acts meanwhile."""

import asyncio

import pytest

from provider_service.directory import service as directory
from provider_service.directory.domain import Caller, operator
from provider_service.identity.calls import EmbeddedDirectory
from provider_service.self_service import calls, service
from provider_service.worker import Worker
from shared.wire.errors import Unavailable
from shared.wire.states import Role
from tests.patience import PATIENCE_SECONDS
from tests.provider.self_service.world import Town

pytestmark = pytest.mark.anyio

ROLES = "/api/v1/self-service/roles"
SYNCS = "/api/v1/self-service/directory-syncs"
USER, ADMINISTRATOR = (
    "ORA_SVC_CUSTOMER_SELF_SERVICE_USER_ABSTRACT",
    "ORA_SVC_CUSTOMER_SELF_SERVICE_ACCOUNT_ADMINISTRATOR_ABSTRACT",
)


@pytest.fixture
async def town(house):
    """Ada administers the account, Bea is a user of it."""
    town = await Town(house).set_up()
    town.ada = await town.approved()
    town.bea = await town.approved(EmailAddress="bea@engines.example", LastName="Second")
    await town.post()
    return town


@pytest.fixture
def down(monkeypatch):
    """The directory that answers no call about groups, until it is undone."""

    async def silent(*_args, **_kwargs):
        raise Unavailable("The directory does not answer", code="directory_unavailable", cause="It is down.")

    for method in ("grant", "revoke", "activate", "deactivate"):
        monkeypatch.setattr(EmbeddedDirectory, method, silent)
    return monkeypatch


def groups(town, person):
    with town.context.database.transaction() as session:
        return sorted(name for _, name in directory.groups_of(session, [person["user_id"]]).get(person["user_id"], []))


async def owed(town):
    answer = await town.admin.get(SYNCS)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def promote(town, person, company=None):
    wanted = {"company_id": company or town.company, "contact_id": person["contact_id"], "administrator": True}
    answer = await town.staff.post(ROLES, json=wanted)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_directory_that_is_down_learns_of_roles_granted_and_taken_once_it_is_back(town, down):
    role = await promote(town, town.bea)
    first = {one["role"]: one for one in await owed(town)}
    assert first.keys() == {USER, ADMINISTRATOR}
    failed = next(one for one in first.values() if one["failure"])
    assert failed["failure"] == "The directory does not answer It is down."
    assert (failed["granted"], failed["tries"], failed["user_id"]) == (True, 1, town.bea["user_id"])
    shown = (await town.staff.get("/api/v1/self-service/requests")).json()["items"]
    assert {one["state"] for one in shown} == {"ORA_CSS_APPROVED"}
    assert (await town.staff.delete(f"{ROLES}/{role['id']}")).status_code == 204
    assert (await town.staff.delete(f"{ROLES}/{role['id']}")).json()["code"] == "role_unknown"
    assert {one["role"]: one["granted"] for one in await owed(town)} == {USER: True, ADMINISTRATOR: False}
    role = await promote(town, town.bea)
    down.undo()
    town.house.clock.advance(minutes=1)
    await calls.tell_due(town.context)
    assert (groups(town, town.bea), await owed(town)) == ([ADMINISTRATOR, USER], [])
    assert (await town.staff.delete(f"{ROLES}/{role['id']}")).status_code == 204
    assert (groups(town, town.bea), await owed(town)) == ([USER], [])


async def test_trying_again_takes_longer_each_time_and_asks_a_silent_directory_once_a_turn(town, down):
    await promote(town, town.bea)
    waits = []
    for _ in range(12):
        town.house.clock.advance(hours=2)
        before = {one["id"]: one["tries"] for one in await owed(town)}
        await calls.tell_due(town.context)
        tried = [one for one in await owed(town) if one["tries"] > before[one["id"]]]
        assert len(tried) == 1
        waits.append(tried[0]["due_at"])
        await calls.tell_due(town.context)
    most = max(one["tries"] for one in await owed(town))
    assert most > 8
    town.house.clock.advance(minutes=59)
    before = await owed(town)
    await calls.tell_due(town.context)
    assert [one["tries"] for one in await owed(town)] == [one["tries"] for one in before]


async def test_suspending_and_reactivating_need_no_directory(town, down):
    at = f"/api/v1/self-service/companies/{town.company}/contacts/{town.bea['contact_id']}/suspension"
    for suspended in (True, False):
        done = await town.staff.put(at, json={"suspended": suspended})
        assert (done.status_code, done.json()["enabled"]) == (200, not suspended), done.text
    assert (groups(town, town.bea), await owed(town)) == ([USER], [])


async def test_whatever_dies_between_the_two_writes_the_worker_goes_on(town, monkeypatch):
    caller = Caller(operator("test").actor, "", frozenset({Role.ADMIN}))
    database, now = town.context.database, town.house.clock

    async def dies(*_args, **_kwargs):
        raise RuntimeError("killed")

    _, user_id = await database.write(
        service.grant_role, town.company, town.bea["contact_id"], administrator=True, caller=caller, now=now()
    )
    assert groups(town, town.bea) == [USER]
    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedDirectory, "grant", dies)
        with pytest.raises(RuntimeError):
            await calls.tell_directory(town.context, user_id, actor=caller.actor)
    await calls.tell_due(town.context)
    now.advance(minutes=3)
    await calls.tell_due(town.context)
    assert (groups(town, town.bea), await owed(town)) == ([ADMINISTRATOR, USER], [])
    held = (await town.admin.get(f"{ROLES}?contact_id={town.bea['contact_id']}")).json()["items"]
    role = next(one["id"] for one in held if one["administrator"])
    await database.write(service.revoke_role, role, caller=caller, now=now())
    with monkeypatch.context() as patched:
        patched.setattr(service, "settle", lambda *_args, **_kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await calls.tell_due(town.context)
    assert groups(town, town.bea) == [USER]
    now.advance(minutes=3)
    await calls.tell_due(town.context)
    assert (groups(town, town.bea), await owed(town)) == ([USER], [])


async def test_a_worker_that_starts_again_after_a_crash_does_not_wait_for_what_died(town):
    caller = Caller(operator("test").actor, "", frozenset({Role.ADMIN}))
    database, now = town.context.database, town.house.clock
    _, user_id = await database.write(
        service.grant_role, town.company, town.bea["contact_id"], administrator=True, caller=caller, now=now()
    )
    for sync_id in await database.read(service.owed, user_id):
        await database.write(service.claim, sync_id, now=now())
    await calls.tell_due(town.context)
    assert (groups(town, town.bea), len(await owed(town))) == ([USER], 2), "whoever died is taken for being at it"
    if database.engine_name == "postgresql":  # where another worker may be alive, only time tells
        now.advance(minutes=3)
    stop = asyncio.Event()
    working = asyncio.create_task(Worker(town.context).run(stop))
    for _ in range(PATIENCE_SECONDS * 10):
        if not await owed(town):
            break
        await asyncio.sleep(0.1)
    stop.set()
    await working
    assert groups(town, town.bea) == [ADMINISTRATOR, USER]


async def test_a_role_that_changes_while_the_directory_is_told_is_told_again(town, monkeypatch):
    at_it, go_on, tell = asyncio.Event(), asyncio.Event(), EmbeddedDirectory.grant

    async def slow(self, user_id, group, **rest):
        if group == ADMINISTRATOR:
            at_it.set()
            await go_on.wait()
        await tell(self, user_id, group, **rest)

    monkeypatch.setattr(EmbeddedDirectory, "grant", slow)
    granting = asyncio.create_task(promote(town, town.bea))
    await at_it.wait()
    held = (await town.admin.get(f"{ROLES}?contact_id={town.bea['contact_id']}")).json()["items"]
    role = next(one["id"] for one in held if one["administrator"])
    assert (await town.staff.delete(f"{ROLES}/{role}")).status_code == 204
    go_on.set()
    await granting
    assert (groups(town, town.bea), await owed(town)) == ([USER], [])


async def test_whoever_approves_waits_for_the_worker_that_tells_the_directory_the_same(town, monkeypatch):
    at_it, go_on, tell = asyncio.Event(), asyncio.Event(), EmbeddedDirectory.grant

    async def slow(self, user_id, group, **rest):
        at_it.set()
        await go_on.wait()
        await tell(self, user_id, group, **rest)

    async def paused(_seconds):
        go_on.set()
        await working

    request_id = await town.proven(EmailAddress="cyd@engines.example", LastName="Third")
    caller = Caller(operator("test").actor, "", frozenset({Role.ADMIN}))
    await town.context.database.write(service.approve, request_id, user=None, caller=caller, now=town.house.clock())
    monkeypatch.setattr(EmbeddedDirectory, "grant", slow)
    monkeypatch.setattr(calls, "sleep", paused)
    working = asyncio.create_task(calls.provision(town.context, request_id))
    await at_it.wait()
    done = await calls.provision(town.context, request_id)
    assert (done.state, go_on.is_set()) == ("ORA_CSS_APPROVED", True)


async def test_a_group_stays_while_another_account_still_gives_it(town):
    looms = await town.make_company("Looms")
    linked = await town.admin.put(f"/api/v1/companies/{looms}/contacts/{town.ada['contact_id']}")
    assert linked.status_code in {200, 201}, linked.text
    there = await promote(town, town.ada, looms)
    await promote(town, town.bea)
    held = (await town.admin.get(f"{ROLES}?contact_id={town.ada['contact_id']}&company_id={town.company}")).json()
    for one in held["items"]:
        assert (await town.admin.delete(f"{ROLES}/{one['id']}")).status_code == 204
    assert groups(town, town.ada) == [ADMINISTRATOR, USER]
    assert (await town.admin.delete(f"{ROLES}/{there['id']}")).status_code == 204
    assert groups(town, town.ada) == [USER]


async def test_groups_follow_a_contact_to_its_other_user(town):
    other = town.house.person(email="other@engines.example")
    path = f"/api/v1/contacts/{town.bea['contact_id']}"
    for user_id in (None, other.id):
        tag = (await town.admin.get(path)).headers["etag"]
        done = await town.admin.patch(path, json={"user_id": user_id}, headers={"if-match": tag})
        assert done.status_code == 200, done.text
        await calls.tell_due(town.context)
        assert groups(town, town.bea) == []
    assert groups(town, {"user_id": other.id}) == [USER]


async def test_who_is_no_staff_is_not_told_what_the_directory_does_not_know(town):
    client = await town.signed_in("ada@engines.example")
    assert (await client.get(SYNCS)).status_code == 403
