"""Either side cancels, at every step of the handshake: both end, nothing is left, and one may begin again."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from tests.interaction.stranger import approve_at_ours, settle_with_strange, strange_provider, take_up_at_ours
from tests.interaction.world import World
from tests.peer.instance import Refused

pytestmark = pytest.mark.anyio


async def _taken_up(world: World) -> None:
    await world.take_up()


async def _announced(world: World) -> None:
    await world.take_up()
    await world.connect()


async def _allowed(world: World) -> None:
    await _announced(world)
    await world.decide()


async def _returned(world: World) -> None:
    await _announced(world)
    await world.approve()


async def _connected(world: World) -> None:
    await _returned(world)
    await world.consumer.worker.handshakes()


async def _half_settled(world: World) -> None:
    await _connected(world)
    await world.consumer.worker.delivery.deliver_due()


REACHED: dict[str, Callable[[World], Awaitable[None]]] = {
    "taken up": _taken_up,
    "announced": _announced,
    "allowed": _allowed,
    "returned": _returned,
    "connected": _connected,
    "half settled": _half_settled,
}


async def _cancel(world: World, who: str) -> None:
    if who == "provider":
        await world.provider.api("POST", f"registrations/{world.number}/cancellation", {"reason": "not wanted"})
    else:
        await world.consumer.api("POST", f"{world.onboarding}/cancellation", {"reason": "not wanted"})


@pytest.mark.requirement("cancel.every_step")
@pytest.mark.parametrize("who", ["provider", "consumer"])
@pytest.mark.parametrize("step", REACHED)
async def test_a_cancellation_ends_both_sides_and_leaves_nothing(invited: World, step: str, who: str):
    await REACHED[step](invited)
    await _cancel(invited, who)

    async def over() -> bool:
        ends = {connection["state"] for side in invited.sides for connection in await side.items("connections")}
        known_to_the_other = step != "taken up"
        states = await invited.states()
        wanted = (
            ("Closed Incomplete", "Cancelled")
            if known_to_the_other
            else (("Closed Incomplete", states[1]) if who == "provider" else (states[0], "Cancelled"))
        )
        return states == wanted and ends <= {"Closed"}

    await invited.until(over)
    if step == "taken up" and who == "provider":
        await _cancel(invited, "consumer")
    if step == "taken up" and who == "consumer":
        await _cancel(invited, "provider")
    await invited.invite()
    await invited.onboard()


@pytest.mark.requirement("cancel.twice")
async def test_cancelling_what_is_cancelled_succeeds(invited: World):
    await _announced(invited)
    for _ in range(2):
        await _cancel(invited, "provider")
        await _cancel(invited, "consumer")
        await invited.turn()
    assert await invited.states() == ("Closed Incomplete", "Cancelled")


@pytest.mark.requirement("cancel.complete")
@pytest.mark.parametrize("who", ["provider", "consumer"])
async def test_what_is_onboarded_is_not_cancelled_any_more(pushing: World, who: str):
    with pytest.raises(AssertionError) as caught:
        await _cancel(pushing, who)
    assert caught.value.code in {"registration_closed", "illegal_move", "conflict"}
    assert await pushing.connections() == ("Active", "Active")


@pytest.mark.requirement("cancel.complete")
async def test_a_provider_that_cancels_what_is_complete_is_told_so_signed(invited: World):
    peer = strange_provider(invited)
    registration = await take_up_at_ours(invited, peer)
    await invited.connect()
    await approve_at_ours(invited, peer, registration)
    await settle_with_strange(invited, peer)
    for _ in range(2):
        with pytest.raises(Refused) as caught:
            await peer.cancel(registration, "not wanted")
        assert (caught.value.status, caught.value.code) == (409, "registration_closed")
    assert (await invited.taken_up())["state"] == "Onboarded"
    assert (await invited.consumer.connection())["state"] == "Active"


@pytest.mark.requirement("cancel.complete")
async def test_a_provider_that_lost_the_completion_shows_that_the_consumers_side_stands(pushing: World):
    def forget(session: Any) -> None:
        """What a backup from before the completion would say."""
        session.execute(text("UPDATE registrations SET state = 'Work in Progress', connection_id = NULL"))

    await pushing.provider.write(forget)
    await _cancel(pushing, "provider")
    await pushing.provider.turn()
    told = await pushing.provider.api("GET", f"registrations/{pushing.number}/status")
    assert told["state"] == "Closed Incomplete"
    assert [step["step"] for step in told["steps"] if step["problem"]] == ["settings"]
    notes = await pushing.provider.api("GET", f"registrations/{pushing.number}/entries")
    assert any("complete at the consumer" in note["text"] for note in notes)
    assert (await pushing.taken_up())["state"] == "Onboarded"
    before = len(pushing.wire.seen("POST .*/cancellation"))
    pushing.clock.forward(7200)
    await pushing.provider.turn()
    assert len(pushing.wire.seen("POST .*/cancellation")) == before
