"""Our consumer asks for access for its people: through both services, over crashes, and at a provider that lies."""

from contextlib import suppress
from typing import Any

import pytest

from shared.wire.errors import Unavailable
from tests.interaction.access import confirmed, option, seen
from tests.interaction.sides import Document, Refusal
from tests.interaction.stranger import (
    approve_at_ours,
    settle_with_strange,
    strange_provider,
    take_up_at_ours,
)
from tests.interaction.world import PROVIDER, World
from tests.peer.access import REQUESTS
from tests.peer.provider import Provider

pytestmark = pytest.mark.anyio

ASKS = "access-requests"
ADA = {"email": "ada@customer.example", "name": "Ada Lovelace", "roles": []}


async def asked(world: World, **changes: Any) -> Document:
    """An administrator of the consumer asks for Ada."""
    people = await world.consumer.items("users")
    found = [one for one in people if one["email"] == ADA["email"]]
    person = found[0] if found else (await world.consumer.api("POST", "users", ADA))
    connection = await world.consumer.connection()
    body = {"connection_id": connection["id"], "user_id": person.get("id") or person["user"]["id"]} | changes
    return dict(await world.consumer.api("POST", ASKS, body))


async def standing(world: World, request_id: str) -> tuple[str, str | None]:
    """How far it has come, and how it stands at the provider, asked just now."""
    shown = await world.consumer.api("POST", f"{ASKS}/{request_id}/refresh")
    return shown["handover"], shown["state"]


async def at_provider(world: World) -> str:
    """The id of the one request there is at the provider."""
    context = world.provider.context
    rows = await context.database.read(
        world.provider.module("self_service.service").relayed,
        (await world.provider.connection())["id"],
        before=None,
        limit=5,
    )
    assert len(rows) == 1
    return str(rows[0].id)


@pytest.mark.requirement("access.asked")
@pytest.mark.parametrize(("onboarded", "engine"), [("push", "postgresql"), ("pull", "sqlite")], indirect=["onboarded"])
async def test_a_person_is_asked_for_confirms_and_is_let_in(onboarded: World):
    world = onboarded
    made = await asked(world, attributes={"FirstName": "Ada", "LastName": "Lovelace"})
    assert (made["handover"], made["state"]) == ("Waiting", None)
    await world.consumer.turn()
    assert (await world.consumer.api("GET", f"{ASKS}/{made['id']}"))["state"] == "ORA_CSS_VERIFYING"
    theirs = await at_provider(world)
    await confirmed(world, theirs)
    shown = await seen(world, theirs)
    assert shown["attributes"]["LastName"] == "Lovelace"
    assert (shown["origin"]["issuer"], shown["origin"]["email"]) == (world.consumer.issuer, ADA["email"])
    assert await standing(world, made["id"]) == ("Taken", "ORA_CSS_PENDING")
    await world.provider.api("POST", f"self-service/requests/{theirs}/approve", {})
    world.clock.forward(301)
    await world.consumer.turn()
    done = await world.consumer.api("GET", f"{ASKS}/{made['id']}")
    assert (done["handover"], done["state"], done["problem"]) == ("Taken", "ORA_CSS_APPROVED", None)
    kinds = [one["action"] for one in await world.consumer.items("audit") if one["subject_type"] == "access_request"]
    assert sorted(set(kinds)) == ["access_request.submitted", "access_request.told"]


@pytest.mark.requirement("access.once")
@pytest.mark.parametrize("kind", ["request", "arrived", "answer", "answered"])
async def test_handing_over_breaks_off_anywhere_and_is_one_request(pushing: World, kind: str):
    strikes = {"arrived": pushing.provider.fail_next_commit, "answered": pushing.consumer.fail_next_commit}
    fault = pushing.wire.break_once(PROVIDER, f"POST {REQUESTS}", kind, strikes.get(kind, lambda: None))
    made = await asked(pushing)
    with suppress(Unavailable):
        await pushing.consumer.worker.access()
    assert fault.struck
    assert (await pushing.consumer.api("GET", f"{ASKS}/{made['id']}"))["handover"] == "Waiting"
    await pushing.consumer.restart()
    await pushing.turn(120)
    await pushing.turn(120)
    assert (await pushing.consumer.api("GET", f"{ASKS}/{made['id']}"))["handover"] == "Taken"
    await at_provider(pushing)


@pytest.mark.requirement("access.asked")
async def test_only_active_people_over_active_connections_are_asked_for(pushing: World):
    made = await asked(pushing)
    person = (await pushing.consumer.ask("GET", f"users/{made['user_id']}")).headers["etag"]
    for attributes in ({"EmailAddress": "eve@elsewhere.example"}, {"AccountKey": "Other Ltd"}, {"Unheard": "of"}):
        with pytest.raises(Refusal) as refused:
            await asked(pushing, attributes=attributes)
        assert refused.value.code == "attribute_invalid"
    for changes in ({"connection_id": "nowhere"}, {"user_id": "nobody"}):
        with pytest.raises(Refusal) as refused:
            await asked(pushing, **changes)
        assert refused.value.status == 404
    changed = {"active": False}
    await pushing.consumer.client.patch(
        f"/api/v1/users/{made['user_id']}",
        json=changed,
        headers={
            "authorization": f"Bearer {pushing.consumer.token}",
            "if-match": person,
            "content-type": "application/merge-patch+json",
        },
    )
    with pytest.raises(Refusal) as refused:
        await asked(pushing)
    assert refused.value.code == "user_inactive"
    await pushing.consumer.api("POST", f"connections/{made['connection_id']}/pause", {})
    with pytest.raises(Refusal) as refused:
        await asked(pushing)
    assert refused.value.code == "connection_not_active"


@pytest.mark.requirement("access.refused")
async def test_a_refusal_of_the_provider_stays_and_is_shown(pushing: World):
    await option(pushing, "SVC_CSS_SELF_REGISTRATION", "None")
    made = await asked(pushing)
    await pushing.consumer.turn()
    shown = await pushing.consumer.api("GET", f"{ASKS}/{made['id']}")
    assert (shown["handover"], shown["problem"]["code"]) == ("Refused", "requests_closed")


@pytest.fixture
async def stranger(invited: World) -> Provider:
    """A strange provider that our consumer is connected with."""
    peer = strange_provider(invited)
    registration = await take_up_at_ours(invited, peer)
    await invited.connect()
    await approve_at_ours(invited, peer, registration)
    await settle_with_strange(invited, peer)
    return peer


@pytest.mark.requirement("access.asked")
async def test_a_third_party_s_provider_is_asked_and_followed(invited: World, stranger: Provider):
    made = await asked(invited, attributes={"FirstName": "Ada"})
    await invited.consumer.turn()
    (theirs,) = stranger.requests.values()
    assert theirs.asked["attributes"] == {"FirstName": "Ada", "EmailAddress": ADA["email"]}
    assert theirs.asked["user"] == {"id": made["user_id"], "name": ADA["name"], "email": ADA["email"]}
    stranger.move(theirs.shown["id"], "ORA_CSS_REJECTED")
    assert await standing(invited, made["id"]) == ("Taken", "ORA_CSS_REJECTED")
    stranger.move(theirs.shown["id"], "ORA_CSS_APPROVED")
    assert await standing(invited, made["id"]) == ("Taken", "ORA_CSS_REJECTED")


@pytest.mark.requirement("access.lies")
@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("id", "0192f0c4-0000-7000-8000-000000000001", "access_request_mistaken"),
        ("state", "ORA_CSS_ADMINISTRATOR", "invalid"),
        ("state", None, "invalid"),
        ("id", "../../api/v1/users", "invalid"),
    ],
)
async def test_what_a_provider_cannot_say_is_not_believed(
    invited: World, stranger: Provider, member: str, value: str | None, code: str
):
    made = await asked(invited)
    await invited.consumer.turn()
    (theirs,) = stranger.requests.values()
    theirs.shown[member] = value
    shown = await invited.consumer.api("POST", f"{ASKS}/{made['id']}/refresh")
    assert (shown["handover"], shown["state"], shown["problem"]["code"]) == ("Taken", "ORA_CSS_VERIFYING", code)


@pytest.mark.requirement("access.lies")
async def test_a_request_that_the_provider_has_forgotten_is_lost(invited: World, stranger: Provider):
    made = await asked(invited)
    await invited.consumer.turn()
    stranger.requests.clear()
    assert await standing(invited, made["id"]) == ("Lost", "ORA_CSS_VERIFYING")
    assert (await invited.consumer.api("GET", f"{ASKS}/{made['id']}"))["problem"]["code"] == "request_unknown"
