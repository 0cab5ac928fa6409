"""What was approved is carried out once, whoever else acts at the same moment and whatever breaks in between."""

import asyncio
import contextlib
import itertools

import pytest

from provider_service.directory import service as directory
from provider_service.directory.domain import Caller, operator
from provider_service.self_service import calls, service
from shared.runtime.database import Database
from shared.wire.errors import ExchangeError
from shared.wire.states import Role
from tests.provider.self_service.world import Town, left_to_the_worker

pytestmark = pytest.mark.anyio

REQUESTS = "/api/v1/self-service/requests"
ROLES = "/api/v1/self-service/roles"
USER_ROLE = "ORA_SVC_CUSTOMER_SELF_SERVICE_USER_ABSTRACT"
ADMIN_ROLE = "ORA_SVC_CUSTOMER_SELF_SERVICE_ACCOUNT_ADMINISTRATOR_ABSTRACT"


@pytest.fixture
async def town(house):
    return await Town(house).set_up()


async def test_two_approvers_at_once_have_one_effect(town):
    request_id = await town.proven()
    answers = await asyncio.gather(
        *(town.staff.post(f"{REQUESTS}/{request_id}/approve", json={}) for _ in range(2)),
        town.admin.post(f"{REQUESTS}/{request_id}/reject", json={}),
    )
    assert sorted(one.status_code for one in answers) == [200, 409, 409], [one.text for one in answers]
    letters = [one for one in await town.post() if one.to == "ada@engines.example"]
    assert len(letters) == 1


async def test_approving_and_withdrawing_at_once_ends_in_one_of_both(town):
    made = await town.sign_up()
    await calls.prove(town.context, (await town.letter("ada@engines.example", "Confirm")).secret)
    done = await asyncio.gather(
        town.staff.post(f"{REQUESTS}/{made.request.id}/approve", json={}),
        calls.withdraw(town.context, made.secret),
        return_exceptions=True,
    )
    shown = (await town.staff.get(f"{REQUESTS}/{made.request.id}")).json()
    withdrawn = not isinstance(done[1], ExchangeError)
    assert shown["state"] == ("ORA_CSS_WITHDRAWN" if withdrawn else "ORA_CSS_APPROVED")
    assert (town.user("ada@engines.example") is None) == withdrawn


async def test_what_changes_after_the_approval_fails_it_with_the_cause_and_approving_again_goes_on(town, monkeypatch):
    request_id = await town.proven()

    with monkeypatch.context() as patched:
        patched.setattr(calls, "provision", left_to_the_worker)
        await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
    for _ in range(2):
        await town.admin.post("/api/v1/contacts", json={"email": "ada@engines.example"})
    await calls.provision_due(town.context)
    shown = (await town.staff.get(f"{REQUESTS}/{request_id}")).json()
    assert (shown["state"], shown["failure"].partition(":")[0]) == ("ORA_CSS_FAILED", "records")
    user = town.user("ada@engines.example")
    assert user is not None
    assert not user.active
    refused = await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
    assert refused.json()["code"] == "approval_refused"
    first, second = (await town.admin.get("/api/v1/contacts?email=ada@engines.example")).json()["items"]
    await town.admin.post(f"/api/v1/contacts/{first['id']}/merge", json={"into_id": second["id"]})
    answer = await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
    assert (answer.json()["state"], answer.json()["user_id"]) == ("ORA_CSS_APPROVED", user.id), answer.text


async def test_a_directory_that_is_down_at_any_step_leaves_the_request_to_be_tried_again(town, monkeypatch):
    from provider_service.identity.calls import EmbeddedDirectory
    from shared.wire.errors import Unavailable

    async def down(*_args, **_kwargs):
        raise Unavailable("The directory does not answer")

    for number, method in enumerate(("create_inactive", "grant", "activate")):
        request_id = await town.proven(EmailAddress=f"person{number}@engines.example")
        with monkeypatch.context() as patched:
            patched.setattr(EmbeddedDirectory, method, down)
            answer = await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
            assert answer.json()["state"] == "ORA_CSS_FAILED", answer.text
            assert "does not answer" in answer.json()["failure"]
        again = await town.staff.post(f"{REQUESTS}/{request_id}/approve", json={})
        assert again.json()["state"] == "ORA_CSS_APPROVED", again.text
        letters = [one for one in await town.post() if one.to == f"person{number}@engines.example"]
        assert len(letters) == 1


async def test_a_crash_after_any_write_of_carrying_it_out_is_gone_on_after(town, monkeypatch):
    """Of everything that approving writes the process dies after none, after one, and so on, until nothing is left."""
    await town.approved()
    for writes in itertools.count():
        email = f"person{writes}@engines.example"
        request_id = await town.proven(EmailAddress=email)
        with monkeypatch.context() as patched:
            died = dies_after(patched, writes)
            with contextlib.suppress(Killed):
                await calls.approve(town.context, request_id, caller=operator("test"))
        town.house.clock.advance(minutes=10)  # whatever it had taken to itself is free again
        letters = [one for one in await town.post() if one.to == email]
        shown = (await town.staff.get(f"{REQUESTS}/{request_id}")).json()
        if not writes:
            assert shown["state"] == "ORA_CSS_PENDING"
            continue
        assert (shown["state"], len(letters)) == ("ORA_CSS_APPROVED", 1), (writes, shown)
        assert await held(town, shown) == (True, [USER_ROLE], [USER_ROLE], []), writes
        if not died:
            break
    assert writes > 8


class Killed(BaseException):
    """Nobody catches it, and nothing is written any more: the process is gone."""


def dies_after(patched, writes):
    """Let the process die once it has written so often; return a list that is empty until it did."""
    written, died, write = itertools.count(), [], Database.write

    async def counted(self, work, /, *args, **kwargs):
        if died or next(written) == writes:
            died.append(work)
            raise Killed
        return await write(self, work, *args, **kwargs)

    patched.setattr(Database, "write", counted)
    return died


async def held(town, shown):
    """Return whether the user may sign in, the roles of its contact, its groups, and what the directory is owed."""
    with town.context.database.transaction() as session:
        person = directory.get_user(session, shown["user_id"])
        groups = directory.groups_of(session, [person.id])[person.id]
    contacts = (await town.admin.get(f"/api/v1/contacts?email={person.email}")).json()["items"]
    assert [one["user_id"] for one in contacts] == [person.id]
    roles = (await town.admin.get(f"{ROLES}?contact_id={contacts[0]['id']}")).json()["items"]
    owed = (await town.admin.get("/api/v1/self-service/directory-syncs")).json()["items"]
    return person.active, [one["role"] for one in roles], [name for _, name in groups], owed


async def test_many_are_decided_about_each_for_itself(town):
    ids = [await town.proven(EmailAddress=f"person{number}@engines.example") for number in range(3)]
    answer = await town.staff.post("/api/v1/self-service/decisions", json={"ids": [*ids, "unknown"]})
    items = answer.json()["items"]
    assert [one["state"] for one in items] == ["ORA_CSS_APPROVED"] * 3 + [None]
    assert items[-1]["code"] == "request_unknown"


async def test_the_last_administrator_stays_and_suspended_people_keep_their_roles(town):
    shown = await town.approved()
    bea = await town.approved(EmailAddress="bea@engines.example")
    roles = (await town.admin.get("/api/v1/self-service/roles")).json()["items"]
    last = next(one for one in roles if one["administrator"])
    assert (await town.staff.delete(f"/api/v1/self-service/roles/{last['id']}")).json()["code"] == "last_administrator"
    at = f"/api/v1/self-service/companies/{town.company}/contacts"
    refused = await town.staff.put(f"{at}/{shown['contact_id']}/suspension", json={"suspended": True})
    assert refused.json()["code"] == "last_administrator"
    ada = await town.signed_in("ada@engines.example")
    own = await ada.put(f"{at}/{shown['contact_id']}/suspension", json={"suspended": True})
    assert own.json()["code"] == "own_role"
    done = await ada.put(f"{at}/{bea['contact_id']}/suspension", json={"suspended": True})
    assert done.json()["enabled"] is False, done.text
    kept = (await ada.get(f"/api/v1/self-service/roles?contact_id={bea['contact_id']}")).json()["items"]
    assert len(kept) == 1
    back = await ada.put(f"{at}/{bea['contact_id']}/suspension", json={"suspended": False})
    assert back.json()["enabled"] is True
    promoted = await ada.post(
        "/api/v1/self-service/roles",
        json={"company_id": town.company, "contact_id": bea["contact_id"], "administrator": True},
    )
    assert promoted.status_code == 201, promoted.text
    assert (await town.staff.delete(f"/api/v1/self-service/roles/{last['id']}")).status_code == 204


async def test_the_worker_and_whoever_approves_may_carry_out_the_same_request_at_once(town):
    await town.approved()
    admin = Caller(operator("test").actor, "", frozenset({Role.ADMIN}))
    for number in range(6):
        made = await town.proven(EmailAddress=f"person{number}@engines.example", LastName=f"Number{number}")
        await town.context.database.write(service.approve, made, user=None, caller=admin, now=town.house.clock())
        await asyncio.gather(*(calls.provision(town.context, made) for _ in range(3)))
        shown = (await town.staff.get(f"{REQUESTS}/{made}")).json()
        assert (shown["state"], shown["failure"]) == ("ORA_CSS_APPROVED", None)
        welcomes = [one for one in await town.post() if one.to == f"person{number}@engines.example"]
        assert len(welcomes) == 1


async def test_the_answer_to_an_approval_tells_how_the_request_stands_although_the_worker_was_faster(town, monkeypatch):
    await town.approved()
    made, step = await town.proven(EmailAddress="cyd@engines.example", LastName="Cyd"), calls._step

    async def slower(context, directory, work):
        monkeypatch.setattr(calls, "_step", step)
        await calls.provision_due(context)

    monkeypatch.setattr(calls, "_step", slower)
    answer = await town.staff.post(f"{REQUESTS}/{made}/approve", json={})
    assert (answer.json()["state"], answer.json()["failure"]) == ("ORA_CSS_APPROVED", None)
