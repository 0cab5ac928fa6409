"""A connection after onboarding: pause, rotation, heartbeats, goodbye, and registering again."""

import pytest

from tests.interaction.sides import Side
from tests.interaction.world import World

pytestmark = pytest.mark.anyio

EITHER = pytest.mark.parametrize("who", ["provider", "consumer"])
BOTH_WAYS = pytest.mark.parametrize("onboarded", ["push", "pull"], indirect=True)


def both(world: World, who: str) -> tuple[Side, Side]:
    return (world.provider, world.consumer) if who == "provider" else (world.consumer, world.provider)


async def act(side: Side, what: str) -> None:
    connection = (await side.connection())["id"]
    await side.api("POST", f"connections/{connection}/{what}", {"reason": "tests"})


@pytest.mark.requirement("connection.pause")
@EITHER
async def test_a_pause_keeps_the_queues_and_a_resume_lets_them_go(pushing: World, who: str):
    ours, theirs = both(pushing, who)
    await act(ours, "pause")
    await ours.share("ours")
    await theirs.share("theirs")
    for _ in range(3):
        await pushing.turn()
    assert (await ours.texts(), await theirs.texts()) == (["ours"], ["theirs"])
    await act(ours, "resume")
    for _ in range(3):
        await pushing.turn(61)
    assert (await ours.texts(), await theirs.texts()) == (["ours", "theirs"], ["ours", "theirs"])


@pytest.mark.requirement("keys.rotation")
@EITHER
@BOTH_WAYS
async def test_a_new_key_is_told_acknowledged_and_then_signs(onboarded: World, who: str):
    ours, theirs = both(onboarded, who)
    staged = await ours.api("POST", "keys/rotations", {"purpose": "http"})
    for _ in range(4):
        await onboarded.turn(6)
    states = {key["kid"]: key["state"] for key in await ours.items("keys") if key["purpose"] == "http"}
    assert states[staged["kid"]] == "active"
    assert sorted(states.values()) == ["active", "retiring"]
    await ours.share("signed by the new key")
    await onboarded.turn()
    assert await theirs.texts() == ["signed by the new key"]


@pytest.mark.requirement("keys.rotation")
async def test_an_open_invitation_survives_a_rotation_of_the_token_key(invited: World):
    await invited.provider.api("POST", "keys/rotations", {"purpose": "token"})
    for _ in range(3):
        await invited.turn(6)
    await invited.onboard()


@pytest.mark.requirement("heartbeat")
async def test_heartbeats_go_both_ways_and_show_the_peer_as_up(pushing: World):
    for _ in range(3):
        await pushing.turn(61)
    for side in pushing.sides:
        found = await side.connection()
        assert (found["sending"], found["receiving"]) == ("Up", "Up")


@pytest.mark.requirement("heartbeat")
async def test_a_silent_peer_is_shown_as_down_and_as_up_when_it_is_back(pushing: World):
    pushing.wire.down.add(pushing.consumer.issuer)
    for _ in range(4):
        await pushing.provider.turn()
        pushing.clock.forward(61)
    assert (await pushing.provider.connection())["sending"] == "Down"
    pushing.wire.down.clear()
    for _ in range(2):
        await pushing.turn(61)
    assert (await pushing.provider.connection())["sending"] == "Up"


@pytest.mark.requirement("goodbye")
@EITHER
@BOTH_WAYS
async def test_a_goodbye_closes_both_sides_and_the_two_may_register_again(onboarded: World, who: str):
    ours, _ = both(onboarded, who)
    await onboarded.provider.share("kept")

    async def kept() -> bool:
        return await onboarded.consumer.texts() == ["kept"]

    async def closed() -> bool:
        return await onboarded.connections() == ("Closed", "Closed")

    await onboarded.until(kept)
    await act(ours, "disconnect")
    await onboarded.until(closed)
    assert (await onboarded.provider.texts(), await onboarded.consumer.texts()) == (["kept"], ["kept"])
    await onboarded.invite()
    await onboarded.onboard()
    assert await onboarded.connections() == ("Active", "Active")
    assert len(await onboarded.provider.items("connections")) == 2


@pytest.mark.requirement("goodbye")
async def test_a_goodbye_waits_for_a_peer_that_is_away(pushing: World):
    pushing.wire.down.add(pushing.consumer.issuer)
    await act(pushing.provider, "disconnect")
    for _ in range(3):
        await pushing.provider.turn()
        pushing.clock.forward(40)
    assert (await pushing.consumer.connection())["state"] == "Active"
    pushing.wire.down.clear()
    pushing.clock.forward(700)
    await pushing.turn()
    assert await pushing.connections() == ("Closed", "Closed")


@pytest.mark.requirement("registration.twice")
async def test_a_company_that_is_connected_cannot_be_onboarded_from_the_same_address_again(pushing: World):
    wanted = {
        "company_id": pushing.known["company"],
        "contact_id": pushing.known["contact"],
        "consumer_url": pushing.consumer.issuer,
    }
    answer = await pushing.provider.ask("POST", "registrations", wanted)
    assert answer.status_code == 201
    await pushing.beat()
    await pushing.provider.turn()
    task = await pushing.provider.api("GET", f"registrations/{answer.json()['number']}")
    assert task["state"] == "Validation Failed"
