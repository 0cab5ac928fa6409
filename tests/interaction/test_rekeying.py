"""A side has lost its identity: the connection is suspended, re-keyed by a new invitation, and goes on as it was."""

from collections.abc import Awaitable, Callable

import pytest

from shared.wire.errors import ExchangeError
from tests.interaction.rekeying import (
    exchange_before,
    invite_again,
    leave_waiting,
    lose_identity,
    open_rekeying,
    patch,
    pinned,
    pinning,
    pins_are_right,
    rekey,
    settled,
    statement_of_the_thief,
    stranger_announces,
    suspend,
)
from tests.interaction.sides import Side
from tests.interaction.stranger import (
    approve_at_ours,
    onboard_at_ours,
    settle_with_ours,
    settle_with_strange,
    strange_consumer,
    strange_provider,
    take_up_at_ours,
)
from tests.interaction.world import Refusal, World
from tests.peer.rekeying import suspend as suspend_there

pytestmark = pytest.mark.anyio

BOTH_WAYS = pytest.mark.parametrize("onboarded", ["push", "pull"], indirect=True)
WHO = pytest.mark.parametrize("who", ["provider", "consumer"])


def both(world: World, who: str) -> tuple[Side, Side]:
    """Who lost its identity, and its peer."""
    return (world.provider, world.consumer) if who == "provider" else (world.consumer, world.provider)


async def refused(call: Awaitable[object]) -> str:
    """Code of the refusal a call ends in."""
    with pytest.raises((Refusal, ExchangeError)) as caught:
        await call
    return str(caught.value.code)  # type: ignore[union-attr]


@pytest.mark.requirement("rekey.complete")
@WHO
@BOTH_WAYS
async def test_a_lost_identity_is_replaced_and_all_that_waited_arrives_once(onboarded: World, who: str):
    world = onboarded
    await exchange_before(world)
    before, pins_before = [await side.connection() for side in world.sides], [await pinned(one) for one in world.sides]
    ours, theirs = both(world, who)
    await leave_waiting(world)
    await lose_identity(ours, theirs)
    for _ in range(3):
        await world.turn(31)
    for side, text in zip(world.sides, ("from provider", "from consumer"), strict=True):
        assert await side.texts() == ["before", text]
    await rekey(world)
    await world.until(world.onboarded)
    await world.until(lambda: settled(world), turns=20)
    after = [await side.connection() for side in world.sides]
    assert [one["id"] for one in after] == [one["id"] for one in before]
    assert [one["state"] for one in after] == ["Active", "Active"]
    for side in world.sides:
        assert await side.texts() == ["before", "from consumer", "from provider"]
        assert len(await side.items("connections")) == 1
    assert await pins_are_right(world)
    pins = [await pinned(one) for one in world.sides]
    assert [now != was for now, was in zip(pins, pins_before, strict=True)] == [who == "consumer", who == "provider"]


@pytest.mark.requirement("rekey.complete")
@WHO
async def test_records_shared_before_go_on_in_their_lanes(pushing: World, who: str):
    await exchange_before(pushing)
    record = (await pushing.provider.items("incidents"))[0]
    ours, theirs = both(pushing, who)
    await lose_identity(ours, theirs)
    await patch(pushing.provider, f"incidents/{record['id']}", {"short_description": "changed while suspended"})
    await rekey(pushing)
    await pushing.until(lambda: settled(pushing), turns=20)
    assert await pushing.consumer.texts() == ["changed while suspended"]
    log = await pushing.consumer.items(
        f"connections/{(await pushing.consumer.connection())['id']}/messages?direction=in"
    )
    lane = sorted(one["sequence"] for one in log if one["type"] == "incident")
    assert lane == list(range(1, len(lane) + 1))


@pytest.mark.requirement("rekey.third_party")
@pytest.mark.parametrize("delivery", ["push", "pull"])
@pytest.mark.parametrize("lost", ["ours", "theirs"])
async def test_a_strange_consumer_is_re_keyed_by_our_provider(invited: World, delivery: str, lost: str):
    peer = strange_consumer(invited, delivery)
    end = (await onboard_at_ours(invited, peer)).connection
    assert end is not None
    await settle_with_ours(invited, peer, end)
    await invited.provider.share("from us")
    end.book.share(short_description="from the stranger", state="New")
    if lost == "ours":
        await invited.provider.api("POST", "keys/rekey", {"reason": "lost"})
        await invited.provider.app.state.holder.refresh()
    else:
        peer.keys.replace_identity()
        await suspend(invited.provider)
    suspend_there(end)
    await invite_again(invited)
    assert (await onboard_at_ours(invited, peer)).connection is end
    invited.clock.forward(61)
    await settle_with_ours(invited, peer, end, turns=12)
    assert (await invited.registration())["state"] == "Closed Complete"
    assert await invited.provider.texts() == ["from the stranger", "from us"]
    assert [one.fields["short_description"] for one in end.book.records.values()] == ["from the stranger", "from us"]
    assert len(await invited.provider.items("connections")) == 1


@pytest.mark.requirement("rekey.third_party")
@pytest.mark.parametrize("lost", ["ours", "theirs"])
async def test_our_consumer_is_re_keyed_by_a_strange_provider(invited: World, lost: str):
    peer = strange_provider(invited)
    registration = await take_up_at_ours(invited, peer)
    await invited.connect()
    await approve_at_ours(invited, peer, registration)
    await settle_with_strange(invited, peer)
    end = registration.connection
    assert end is not None
    end.book.share(short_description="from the stranger", state="New")
    await invited.consumer.share("from us")
    if lost == "ours":
        await invited.consumer.api("POST", "keys/rekey", {"reason": "lost"})
        await invited.consumer.app.state.holder.refresh()
    else:
        peer.keys.replace_identity()
        await suspend(invited.consumer)
    suspend_there(end)
    registration = await take_up_at_ours(invited, peer, rekeys=end.id)
    await invited.connect()
    await approve_at_ours(invited, peer, registration)
    await settle_with_strange(invited, peer, turns=30)
    assert (registration.state, (await invited.taken_up())["state"]) == ("Closed Complete", "Onboarded")
    assert await invited.consumer.texts() == ["from the stranger", "from us"]
    assert sorted(one.fields["short_description"] for one in end.book.records.values()) == [
        "from the stranger",
        "from us",
    ]
    assert len(await invited.consumer.items("connections")) == 1


@pytest.mark.requirement("rekey.code")
@BOTH_WAYS
async def test_nothing_is_re_keyed_before_people_on_both_sides_have_confirmed_the_code(onboarded: World):
    world = onboarded
    await lose_identity(world.consumer, world.provider)
    await invite_again(world)
    await world.take_up()
    await world.connect()
    assert await refused(world.decide()) == "comparison_wrong"
    assert await refused(world.decide(typed="0000-0000")) == "comparison_wrong"
    await world.decide(typed=world.known["comparison"])
    await world.come_back()
    await world.turn()
    assert (await world.taken_up())["awaits_confirmation"] is True
    assert await world.connections() == ("Suspended", "Suspended")
    wrong = world.consumer.api("POST", f"{world.onboarding}/confirmation", {"comparison_code": "0000-0000"})
    assert await refused(wrong) == "comparison_wrong"
    await world.consumer.api("POST", f"{world.onboarding}/confirmation", {"comparison_code": world.known["comparison"]})
    await world.until(world.onboarded)


@pytest.mark.requirement("rekey.suspended")
async def test_a_connection_that_is_not_suspended_is_not_re_keyed(pushing: World):
    assert await refused(open_rekeying(pushing)) == "connection_not_suspended"


@pytest.mark.requirement("rekey.suspended")
async def test_the_consumer_has_to_have_suspended_it_too(pushing: World):
    connection = (await pushing.provider.connection())["id"]
    await pushing.provider.api("POST", f"connections/{connection}/suspend", {"reason": "tests"})
    await invite_again(pushing)
    body = {"link": pushing.known["link"], "provider": pushing.provider.issuer}
    assert await refused(pushing.consumer.api("POST", "provider-connections", body)) == "connection_not_suspended"
    assert (await pushing.consumer.connection())["state"] == "Active"


@pytest.mark.requirement("rekey.thief")
async def test_an_identity_that_was_given_up_does_not_come_back(pushing: World):
    """The consumer's administrator has not replaced the identity: whoever announces may be the thief."""
    await suspend(pushing.provider)
    await suspend(pushing.consumer, identity_lost=False)
    await invite_again(pushing)
    await pushing.take_up()
    assert await refused(pushing.connect()) == "identity_given_up"
    assert (await pushing.registration())["state"] == "Open"
    assert await pushing.connections() == ("Suspended", "Suspended")


@pytest.mark.requirement("rekey.thief")
async def test_a_link_signed_for_the_providers_lost_identity_is_not_taken_up(pushing: World):
    await suspend(pushing.provider, identity_lost=False)
    await suspend(pushing.consumer)
    await invite_again(pushing)
    body = {"link": pushing.known["link"], "provider": pushing.provider.issuer}
    assert await refused(pushing.consumer.api("POST", "provider-connections", body)) == "identity_given_up"


@pytest.mark.requirement("rekey.thief")
@WHO
async def test_what_the_old_identity_signs_counts_for_nothing_afterwards(pushing: World, who: str):
    ours, theirs = both(pushing, who)
    old = await statement_of_the_thief(ours)
    await lose_identity(ours, theirs)
    await rekey(pushing)
    await pushing.until(lambda: settled(pushing), turns=20)
    assert await pinning(theirs, old) == "statement_identity"
    assert await pins_are_right(pushing)


@pytest.mark.requirement("rekey.other")
async def test_a_link_for_a_connection_the_consumer_does_not_have_is_not_taken_up(pushing: World):
    await lose_identity(pushing.provider, pushing.consumer)
    await invite_again(pushing, rekeys="0197f3c0-0000-7000-8000-00000000000f")
    body = {"link": pushing.known["link"], "provider": pushing.provider.issuer}
    assert await refused(pushing.consumer.api("POST", "provider-connections", body)) == "rekeying_unknown"


@pytest.mark.requirement("rekey.other")
async def test_a_contact_of_another_company_is_not_invited_to_re_key(pushing: World):
    await lose_identity(pushing.consumer, pushing.provider)
    company = await pushing.provider.api("POST", "companies", {"name": "Customer Two"})
    person = {"email": "eve@other.example", "name": "Eve"}
    eve = await pushing.provider.api("POST", f"companies/{company['id']}/contacts", person)
    assert await refused(open_rekeying(pushing, contact_id=eve["id"])) == "contact_of_other_company"


@pytest.mark.requirement("rekey.other")
async def test_another_instance_cannot_take_the_connection_over(pushing: World):
    """Another instance at the consumer's address holds the link: it is not the one the connection was made with."""
    await lose_identity(pushing.consumer, pushing.provider)
    await invite_again(pushing)
    assert await stranger_announces(pushing) == "peer_identity_mismatch"
    assert await pushing.connections() == ("Suspended", "Suspended")


async def _taken_up(world: World) -> None:
    await world.take_up()


async def _announced(world: World) -> None:
    await world.take_up()
    await world.connect()


async def _allowed(world: World) -> None:
    await _announced(world)
    await world.decide(typed=world.known["comparison"])


async def _returned(world: World) -> None:
    await _announced(world)
    await world.approve()


async def _rekeyed(world: World) -> None:
    await _returned(world)
    await world.consumer.worker.handshakes()


REACHED: dict[str, Callable[[World], Awaitable[None]]] = {
    "taken up": _taken_up,
    "announced": _announced,
    "allowed": _allowed,
    "returned": _returned,
    "re-keyed": _rekeyed,
}


@pytest.mark.requirement("rekey.cancelled")
@pytest.mark.parametrize("canceller", ["provider", "consumer"])
@pytest.mark.parametrize("step", REACHED)
async def test_a_cancelled_re_keying_leaves_the_connection_suspended_and_can_be_begun_anew(
    pushing: World, step: str, canceller: str
):
    world = pushing
    await leave_waiting(world)
    await lose_identity(world.consumer, world.provider)
    await invite_again(world)
    await REACHED[step](world)
    if canceller == "provider":
        await world.provider.api("POST", f"registrations/{world.number}/cancellation", {"reason": "not now"})
    else:
        await world.consumer.api("POST", f"{world.onboarding}/cancellation", {"reason": "not now"})
    for _ in range(3):
        await world.turn(61)
    assert await world.connections() == ("Suspended", "Suspended")
    if step == "taken up":  # neither knows of the other's end yet
        for side, path in ((world.provider, f"registrations/{world.number}"), (world.consumer, world.onboarding)):
            await side.ask("POST", f"{path}/cancellation", {"reason": "not now"})
    assert await world.states() == ("Closed Incomplete", "Cancelled")
    await rekey(world)
    await world.until(world.onboarded)
    await world.until(lambda: settled(world), turns=20)
    assert await world.consumer.texts() == ["from consumer", "from provider"]


@pytest.mark.requirement("rekey.cancelled")
async def test_disconnecting_ends_the_re_keying_with_the_connection(pushing: World):
    await lose_identity(pushing.consumer, pushing.provider)
    await invite_again(pushing)
    await pushing.take_up()
    connection = (await pushing.provider.connection())["id"]
    for side in pushing.sides:  # a goodbye of whom nobody can be sure is not believed
        await side.api("POST", f"connections/{connection}/disconnect", {"reason": "over"})
    assert await pushing.connections() == ("Closed", "Closed")
    assert await pushing.states() == ("Closed Incomplete", "Cancelled")
    await pushing.invite()
    await pushing.onboard()


@pytest.mark.requirement("rekey.cancelled")
async def test_the_address_of_a_re_keying_stays_the_connections_own(pushing: World):
    await lose_identity(pushing.consumer, pushing.provider)
    await invite_again(pushing)
    change = patch(pushing.provider, f"registrations/{pushing.number}", {"consumer_url": "https://d.example"})
    assert await refused(change) == "rekeying_address"
