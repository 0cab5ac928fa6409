"""Either side cancels, at every step of the handshake: both end, nothing is left, and one may begin again."""

from collections.abc import Awaitable, Callable

import pytest

from tests.interaction.world import World

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
