"""What is refused before an announcement is believed stands on both sides too, and strangers write nothing by it."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.wire.errors import ExchangeError
from tests.interaction.rekeying import patch
from tests.interaction.stages import ENGINES
from tests.interaction.stranger import onboard_at_ours, strange_consumer
from tests.interaction.world import CONSUMER, Refusal, World
from tests.peer.consumer import Handshake
from tests.peer.instance import Refused

pytestmark = pytest.mark.anyio


async def failed(world: World) -> list[str]:
    """Steps shown as failed at the provider."""
    shown = await world.provider.api("GET", f"registrations/{world.number}/status")
    steps = [step for step in shown["steps"] if step["state"] == "failed"]
    assert all(step["problem"] for step in steps)
    return [step["step"] for step in steps]


async def kept(world: World) -> list[tuple[str, str, datetime]]:
    """What the provider keeps of refused announcements: number, code, time."""
    row = world.provider.module("handshakes.tables").RefusedAnnouncement

    def look(session: Session) -> list[Any]:
        return [(one.number, one.problem["code"], one.refused_at) for one in session.scalars(select(row))]

    return list(await world.provider.read(look))


async def told(world: World) -> tuple[str, list[str], str | None]:
    """Code the consumer is refused with, steps failed at the provider, and the code its page shows."""
    with pytest.raises((Refusal, ExchangeError)) as caught:
        await world.connect()
    taken = await world.taken_up()
    assert [step["step"] for step in taken["steps"] if step["state"] == "failed"] == ["announcement"]
    problem = await world.provider.read(world.provider.module("handshakes.service").problem, world.number)
    assert problem is None or (problem.cause and problem.fix)
    return caught.value.code, await failed(world), problem and problem.code  # type: ignore[attr-defined]


async def move(world: World, url: str) -> None:
    """The provider's administrator gives the registration another address; its checks pass again."""
    world.clock.forward(1)
    await patch(world.provider, f"registrations/{world.number}", {"consumer_url": url})
    await world.beat()
    await world.provider.turn()
    await world.link()


@pytest.mark.requirement("handshake.refused")
@pytest.mark.parametrize("engine", ENGINES)
async def test_a_link_that_does_not_work_any_more_is_a_failed_step_on_both_sides(invited: World):
    await invited.take_up()
    await invited.provider.api("DELETE", f"registrations/{invited.number}/invitation")
    assert await told(invited) == ("token_revoked", ["announcement"], "token_revoked")

    invited.clock.forward(1)
    await invited.provider.api("POST", f"registrations/{invited.number}/invitation")
    assert await failed(invited) == []  # a newer link is what was asked for
    assert await told(invited) == ("token_revoked", ["announcement"], "token_revoked")

    await move(invited, "https://d.example")
    assert await failed(invited) == []
    assert await told(invited) == ("token_wrong_host", ["announcement"], "token_wrong_host")

    await move(invited, CONSUMER)
    invited.clock.forward(73 * 3600)
    assert await told(invited) == ("token_expired", ["announcement"], "token_expired")
    assert [(number, code) for number, code, _ in await kept(invited)] == [(invited.number, "token_expired")]


@pytest.mark.requirement("handshake.refused")
async def test_an_address_that_does_not_answer_is_a_failed_step_until_it_does(invited: World):
    await invited.take_up()
    invited.wire.down.add(CONSUMER)
    assert await told(invited) == ("peer_unreachable", ["announcement"], "peer_unreachable")
    invited.wire.down.clear()
    await invited.connect()
    assert (await failed(invited), await kept(invited)) == ([], [])
    await invited.approve()
    await invited.until(invited.onboarded)


@pytest.mark.requirement("handshake.refused")
async def test_whoever_else_holds_the_link_is_shown_and_does_not_disturb(invited: World):
    await invited.take_up("pull")
    await invited.connect()
    thief = strange_consumer(invited, "pull")
    thiefs = await thief.validate(invited.known["link"])
    for seconds in (0, 30, 29, 1):
        invited.clock.forward(seconds)
        before = await kept(invited)
        with pytest.raises(Refused, match="registration_bound"):
            await thief.announce(thiefs)
        written = await kept(invited)
        assert (len(written), written == before) == (1, seconds in {30, 29})
    problem = await invited.provider.read(invited.provider.module("handshakes.service").problem, invited.number)
    assert problem.code == "registration_bound"
    assert await failed(invited) == []
    await invited.approve()
    await invited.until(invited.onboarded)
    assert await failed(invited) == []


async def _refused_to(world: World, handshake: Handshake, token: str) -> None:
    handshake.token = token
    with pytest.raises(Refused):
        await strange_consumer(world, "pull").announce(handshake)


@pytest.mark.requirement("handshake.refused")
async def test_without_a_link_of_this_registration_nothing_is_written(invited: World):
    stranger = strange_consumer(invited, "pull")
    handshake = await stranger.validate(invited.known["link"])
    head, _, seal = handshake.token.rpartition(".")
    for token in ("x" * 300, f"{head}.{seal[::-1]}", handshake.token[:-4]):
        await _refused_to(invited, handshake, token)
    await invited.invite("https://d.example")
    await _refused_to(invited, handshake, invited.known["link"].partition("#token=")[2])  # a link of ours, of another
    assert await kept(invited) == []


@pytest.mark.requirement("handshake.refused")
async def test_what_has_ended_is_not_written_upon(invited: World):
    peer = strange_consumer(invited)
    handshake = await onboard_at_ours(invited, peer)
    with pytest.raises(Refused, match="token_used"):
        await peer.announce(handshake)
    assert (await failed(invited), await kept(invited)) == ([], [])
    await invited.provider.api("POST", f"registrations/{invited.number}/cancellation", {})
    with pytest.raises(Refused, match="registration_closed"):
        await strange_consumer(invited).announce(handshake)
    assert await kept(invited) == []
