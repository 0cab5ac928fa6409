"""A consumer that is never called: leases, lapses, and what reaches it as messages."""

import pytest

from tests.interaction.stranger import onboard_at_ours, settle_with_ours, strange_consumer
from tests.interaction.world import World
from tests.peer.connection import MESSAGES
from tests.peer.instance import Refused

pytestmark = pytest.mark.anyio

OUTCOMES = "/exchange/v1/outcomes"


@pytest.mark.requirement("pull.lease")
async def test_a_lapsed_lease_is_unknown_and_its_messages_are_given_out_again(invited: World):
    peer = strange_consumer(invited, "pull")
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    await invited.provider.share("leased")
    first = await peer.on_connection(end, "GET", f"{MESSAGES}?wait=0", None, "pull")
    assert len(first["messages"]) == 1
    again = await peer.on_connection(end, "GET", f"{MESSAGES}?wait=0", None, "pull")
    assert (again["lease"], again["messages"]) == (None, [])
    invited.clock.forward(61)
    outcomes = [{"id": first["messages"][0]["id"], "outcome": "applied"}]
    document = {"epoch": 1, "lease": first["lease"], "outcomes": outcomes}
    with pytest.raises(Refused) as caught:
        await peer.on_connection(end, "POST", OUTCOMES, document, "outcomes")
    assert (caught.value.status, caught.value.code) == (409, "lease_unknown")
    assert await peer.pull(end) == 1
    assert (await invited.provider.connection())["queued"] == 0


@pytest.mark.requirement("pull.lease")
async def test_a_message_without_an_outcome_stays_due(invited: World):
    peer = strange_consumer(invited, "pull")
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    await invited.provider.share("one")
    peer.lies.commit("outcome_for_unknown_id", at="outcomes", on="request")
    assert await peer.pull(end) == 1
    assert (await invited.provider.connection())["queued"] == 1
    invited.clock.forward(61)
    assert await peer.pull(end) == 1
    assert (await invited.provider.connection())["queued"] == 0


@pytest.mark.requirement("pull.wait")
@pytest.mark.parametrize("wait", ["26", "-1", "x", ""])
async def test_a_wait_out_of_range_is_invalid(invited: World, wait: str):
    peer = strange_consumer(invited, "pull")
    end = (await onboard_at_ours(invited, peer)).connection
    with pytest.raises(Refused) as caught:
        await peer.on_connection(end, "GET", f"{MESSAGES}?wait={wait}", None, "pull")
    assert (caught.value.status, caught.value.code) == (422, "invalid")


@pytest.mark.requirement("pull.wait")
async def test_an_unknown_parameter_of_a_fetch_is_refused(invited: World):
    peer = strange_consumer(invited, "pull")
    end = (await onboard_at_ours(invited, peer)).connection
    with pytest.raises(Refused) as caught:
        await peer.on_connection(end, "GET", f"{MESSAGES}?limit=5", None, "pull")
    assert (caught.value.status, caught.value.code) == (400, "unknown_parameter")


@pytest.mark.requirement("pull.paused")
async def test_a_paused_provider_gives_nothing_out_and_says_when_to_come_again(invited: World):
    peer = strange_consumer(invited, "pull")
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    await invited.provider.share("later")
    await invited.provider.api("POST", f"connections/{end.id}/pause", {"reason": "tests"})
    with pytest.raises(Refused) as caught:
        await peer.pull(end)
    assert (caught.value.status, caught.value.code) == (503, "connection_paused")
    assert caught.value.extra["retry_after"] > 0
    await invited.provider.api("POST", f"connections/{end.id}/resume", {"reason": "tests"})
    assert await peer.pull(end) == 1
