"""Records, comments and concurrent changes between both real services."""

import pytest

from tests.interaction.sides import Document, Side
from tests.interaction.world import PROVIDER, World
from tests.peer.connection import MESSAGES

pytestmark = pytest.mark.anyio

EITHER = pytest.mark.parametrize("sender", ["provider", "consumer"])
BOTH_WAYS = pytest.mark.parametrize("onboarded", ["push", "pull"], indirect=True)


def both(world: World, sender: str) -> tuple[Side, Side]:
    return (world.provider, world.consumer) if sender == "provider" else (world.consumer, world.provider)


async def the_incident(side: Side) -> Document:
    return (await side.items("incidents"))[0]


async def change(side: Side, **fields: str) -> None:
    one = await the_incident(side)
    answer = await side.client.patch(
        f"/api/v1/incidents/{one['id']}",
        json=fields,
        headers={
            "authorization": f"Bearer {side.token}",
            "content-type": "application/merge-patch+json",
            "if-match": f'"{one["version"]}"',
        },
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.requirement("exchange.incident")
@EITHER
@BOTH_WAYS
async def test_an_incident_and_its_changes_and_comments_arrive(onboarded: World, sender: str):
    ours, theirs = both(onboarded, sender)
    shared = await ours.share("mail is down", impact="2")
    await onboarded.turn()
    assert (await the_incident(theirs))["fields"] | {"impact": "2"} == (await the_incident(ours))["fields"]
    await change(ours, state="In Progress")
    await ours.api("POST", f"incidents/{shared['id']}/comments", {"text": "we look into it"})
    await ours.api("POST", f"incidents/{shared['id']}/comments", {"kind": "work_note", "text": "internal"})
    await onboarded.turn()
    there = await the_incident(theirs)
    assert there["fields"]["state"] == "In Progress"
    comments = await theirs.api("GET", f"incidents/{there['id']}/comments")
    assert [one["text"] for one in comments] == ["we look into it"]


@pytest.mark.requirement("exchange.no_echo")
@BOTH_WAYS
async def test_a_change_that_came_from_the_peer_is_not_sent_back(onboarded: World):
    await onboarded.provider.share("once")
    for _ in range(4):
        await onboarded.turn()
    connection = (await onboarded.consumer.connection())["id"]
    sent = await onboarded.consumer.items(f"connections/{connection}/messages?direction=out")
    assert [one["type"] for one in sent if one["type"].startswith("incident")] == []


@pytest.mark.requirement("exchange.concurrent")
@BOTH_WAYS
async def test_after_concurrent_changes_both_hold_the_providers_value(onboarded: World):
    await onboarded.provider.share("first")
    await onboarded.turn()
    await change(onboarded.consumer, short_description="the consumer's", impact="3")
    await change(onboarded.provider, short_description="the provider's", urgency="1")
    for _ in range(3):
        await onboarded.turn()
    ends = [(await the_incident(side))["fields"] for side in onboarded.sides]
    assert ends[0] == ends[1]
    assert (ends[0]["short_description"], ends[0]["impact"], ends[0]["urgency"]) == ("the provider's", "3", "1")


@pytest.mark.requirement("messages.retry")
async def test_what_could_not_be_sent_is_sent_when_the_peer_is_back_and_arrives_once(pushing: World):
    pushing.wire.down.add(PROVIDER)
    for number in range(3):
        await pushing.consumer.share(f"text {number}")
        await pushing.turn(40)
    assert await pushing.provider.texts() == []
    pushing.wire.down.clear()
    pushing.clock.forward(3700)
    await pushing.turn()
    await pushing.turn()
    assert await pushing.provider.texts() == [f"text {number}" for number in range(3)]


@pytest.mark.requirement("messages.wake")
async def test_hearing_from_the_peer_ends_the_back_off(pushing: World):
    pushing.wire.down.add(PROVIDER)
    await pushing.consumer.share("waits")
    for _ in range(5):
        await pushing.turn(200)
    pushing.wire.down.clear()
    connection = (await pushing.provider.connection())["id"]
    await pushing.provider.api("POST", f"connections/{connection}/heartbeat")
    await pushing.consumer.worker.delivery.deliver_due()
    assert await pushing.provider.texts() == ["waits"]


@pytest.mark.requirement("messages.batches")
async def test_many_messages_cross_in_requests_of_at_most_a_hundred_in_order(pushing: World):
    connection = (await pushing.consumer.connection())["id"]
    for start in range(0, 250, 50):
        operations = [
            {"op": "create", "fields": {"short_description": f"text {number:03}", "state": "New"}}
            for number in range(start, start + 50)
        ]
        await pushing.consumer.api("POST", "incidents/bulk", {"connection_id": connection, "operations": operations})
    await pushing.turn()
    assert len(await pushing.provider.texts()) == 200
    sizes = [call.request.content.count(b'"change_id"') for call in pushing.wire.seen(f"POST {MESSAGES}")]
    assert sum(sizes) == 250
    assert max(sizes) <= 100
