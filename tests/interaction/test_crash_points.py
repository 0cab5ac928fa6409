"""A crash between any two steps of handshake and delivery, then on with it: one effect, both sides at the end.

The table is every call times what can be lost: the request, the answer, the receiver's commit, the sender's commit
after the answer.
"""

from collections.abc import Callable

import pytest

from tests.interaction.rekeying import invite_again, leave_waiting, lose_identity, pins_are_right
from tests.interaction.sides import Refusal, Side
from tests.interaction.stages import ENGINES
from tests.interaction.world import CONSUMER, PROVIDER, World

pytestmark = pytest.mark.anyio

KINDS = ["request", "answer", "commit there", "commit here"]
CONTROL = r"POST /exchange/v1/messages"


def strike(world: World, origin: str, call: str, kind: str) -> None:
    """Arm one crash at the next such call."""
    there = world.provider if origin == PROVIDER else world.consumer
    here = world.consumer if origin == PROVIDER else world.provider
    plans: dict[str, tuple[str, Callable[[], None]]] = {
        "request": ("request", lambda: None),
        "answer": ("answer", lambda: None),
        "commit there": ("arrived", there.fail_next_commit),
        "commit here": ("answered", here.fail_next_commit),
    }
    world.wire.break_once(origin, call, *plans[kind])


def struck(world: World) -> bool:
    return all(fault.struck for fault in world.wire.faults)


async def restart(world: World) -> None:
    """Both processes end and begin again over what they had committed."""
    for side in world.sides:
        side.failing = False
        await side.restart()


async def go_on(world: World) -> None:
    """What people and workers do until it is done: take up what stopped, try again, allow again."""
    for _ in range(6):
        if await world.onboarded():
            return
        try:
            if "onboarding" not in world.known or (await world.taken_up())["state"] != "Validated":
                await world.take_up()
            if (await world.taken_up())["connection_id"] is None:
                await _try_again(world)
        except Refusal as refusal:
            world.known["last_refusal"] = str(refusal)
        for _ in range(4):
            if await world.onboarded():
                return
            await world.turn(6)
    raise AssertionError(f"never onboarded: {await world.states()}")


async def _try_again(world: World) -> None:
    """A completion that is under way ends by itself; otherwise the administrator connects once more."""
    for _ in range(2):
        await world.turn(6)
    if (await world.taken_up())["connection_id"] is None:
        await world.connect()
        await world.approve()


async def walk(world: World) -> None:
    """The handshake until the crash; what a person would see is an error on the page."""
    try:
        await world.take_up()
        await world.connect()
        await world.approve()
        for _ in range(3):
            await world.turn(1)
    except Refusal:
        return


async def equal_and_clean(world: World) -> None:
    """One connection on each side, the same; each side's settings arrived once; nothing waits."""
    ends = [await side.items("connections") for side in world.sides]
    assert [len(one) for one in ends] == [1, 1]
    assert ends[0][0]["id"] == ends[1][0]["id"]
    await world.until(lambda: _nothing_waits(world))
    for side in world.sides:
        received = await side.items(f"connections/{ends[0][0]['id']}/messages?direction=in")
        assert [one["type"] for one in received].count("settings") == 1
    assert await world.connections() == ("Active", "Active")


async def _nothing_waits(world: World) -> bool:
    return [(await side.connection())["queued"] for side in world.sides] == [0, 0]


HANDSHAKE = [
    (PROVIDER, r"GET /.well-known/service-exchange"),
    (PROVIDER, r"POST .*/announcement"),
    (CONSUMER, r"GET /.well-known/service-exchange"),
    (PROVIDER, r"POST .*/reveal"),
    (PROVIDER, r"POST .*/authorization"),
    (PROVIDER, r"POST .*/completion"),
    (PROVIDER, CONTROL),
    (CONSUMER, CONTROL),
]
POINTS = [
    pytest.param(origin, call, kind, id=f"{origin[8]} {call.split('/')[-1]} {kind}")
    for origin, call in HANDSHAKE
    for kind in (KINDS[:2] if call.startswith("GET") else KINDS)
]


@pytest.mark.one_of(4)
@pytest.mark.requirement("crash.handshake")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("origin", "call", "kind"), POINTS)
async def test_a_handshake_that_crashed_anywhere_ends_onboarded_with_one_connection(
    invited: World, origin: str, call: str, kind: str
):
    strike(invited, origin, call, kind)
    await walk(invited)
    assert struck(invited)
    await restart(invited)
    await go_on(invited)
    await equal_and_clean(invited)


REKEYING = [
    pytest.param(origin, call, kind, who, id=f"{who[0]} lost, {origin[8]} {call.split('/')[-1]} {kind}")
    for who in ("provider", "consumer")
    for origin, call in HANDSHAKE
    for kind in (KINDS[:2] if call.startswith("GET") else KINDS)
]


@pytest.mark.one_of(8)
@pytest.mark.requirement("rekey.crash")
@pytest.mark.parametrize(("origin", "call", "kind", "who"), REKEYING)
async def test_a_re_keying_that_crashed_anywhere_ends_with_the_same_connection_and_nothing_lost(
    pushing: World, origin: str, call: str, kind: str, who: str
):
    world = pushing
    ends = world.sides if who == "provider" else world.sides[::-1]
    await leave_waiting(world)
    await lose_identity(*ends)
    await invite_again(world)
    world.known.pop("onboarding")
    strike(world, origin, call, kind)
    await walk(world)
    assert struck(world)
    await restart(world)
    await go_on(world)
    await world.until(lambda: _nothing_waits(world), turns=20)
    assert await world.connections() == ("Active", "Active")
    assert await pins_are_right(world)
    for side in world.sides:
        assert await side.texts() == ["from consumer", "from provider"]
        assert len(await side.items("connections")) == 1


DELIVERIES = [("push", "provider"), ("push", "consumer"), ("pull", "provider"), ("pull", "consumer")]


def _calls(way: str, sender: str) -> list[tuple[str, str]]:
    if (way, sender) == ("pull", "provider"):
        return [(PROVIDER, "GET /exchange/v1/messages"), (PROVIDER, "POST /exchange/v1/outcomes")]
    return [(CONSUMER if sender == "provider" else PROVIDER, CONTROL)]


TABLE = [(way, sender, origin, call) for way, sender in DELIVERIES for origin, call in _calls(way, sender)]


@pytest.mark.one_of(4)
@pytest.mark.requirement("crash.delivery")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("onboarded", "sender", "origin", "call"), TABLE, indirect=["onboarded"])
async def test_a_message_whose_delivery_crashed_anywhere_arrives_once(
    onboarded: World, sender: str, origin: str, call: str, kind: str
):
    world = onboarded
    ours: Side = getattr(world, sender)
    theirs = world.consumer if sender == "provider" else world.provider
    texts = [f"text {number}" for number in range(3)]
    for text in texts:
        await ours.share(text)
    strike(world, origin, call, kind)
    await world.turn(1)
    assert struck(world)
    await restart(world)
    await world.until(lambda: _nothing_waits(world), turns=10, seconds=31)
    assert await theirs.texts() == texts
    assert await ours.texts() == texts
