"""What one peer may ask of a service: beyond it, a signed refusal that says when to come back, and nothing is lost."""

import httpx
import pytest

from shared.wire.discovery import QuotaLimits
from tests.interaction.sides import Document, Side
from tests.interaction.stranger import attach, onboard_at_ours, settle_with_ours, strange_consumer
from tests.interaction.world import World
from tests.peer.connection import MESSAGES
from tests.peer.consumer import Consumer
from tests.peer.instance import Refused
from tests.peer.wire import Problem

pytestmark = pytest.mark.anyio

OTHER = "https://d.example"


def allow(side: Side, **limits: int) -> None:
    """Set the quotas of a service's process."""
    side.context.quotas.limits = QuotaLimits(**limits)


async def another_consumer(world: World) -> Consumer:
    """A second stranger at an address of its own, invited."""
    peer = Consumer(OTHER, httpx.AsyncClient(transport=world.wire.from_(OTHER)), clock=world.clock.unix, name="quiet")
    attach(world, peer)
    await world.invite(OTHER)
    return peer


async def use(side: Side) -> Document:
    """What the connection's page says of its quotas."""
    connection = await side.connection()
    return dict((await side.api("GET", f"connections/{connection['id']}"))["quota_use"])


@pytest.mark.requirement("quotas.refusal")
async def test_a_noisy_peer_is_refused_signed_by_name_and_another_goes_on(invited: World):
    noisy = strange_consumer(invited)
    end = (await onboard_at_ours(invited, noisy)).connection
    await settle_with_ours(invited, noisy, end)
    quiet = await another_consumer(invited)
    its_end = (await onboard_at_ours(invited, quiet)).connection
    await settle_with_ours(invited, quiet, its_end)
    allow(invited.provider, requests_per_minute=30)
    invited.clock.forward(60)
    codes = []
    for number in range(40):
        end.book.share(short_description=f"noise {number}")
        codes.append(await noisy.push(end))
    assert codes == ["settled"] * 30 + ["quota_exceeded"] * 10
    refusal = invited.wire.seen(f"POST {MESSAGES}")[-1]
    assert (refusal.status, refusal.code) == (429, "quota_exceeded")
    its_end.book.share(short_description="quiet")
    assert await quiet.push(its_end) == "settled"
    with pytest.raises(Refused) as caught:
        await noisy.on_connection(end, "POST", MESSAGES, {"epoch": 1, "messages": end.outbox.waiting(1)}, "messages")
    told = {name: caught.value.extra[name] for name in ("quota", "limit", "window_seconds", "retry_after")}
    assert told == {"quota": "requests", "limit": 30, "window_seconds": 60, "retry_after": 2}
    assert (await noisy.beat(end))["state"] == "Active"
    invited.clock.forward(60)
    await settle_with_ours(invited, noisy, end)
    assert sorted(await invited.provider.texts()) == sorted(["quiet", *(f"noise {number}" for number in range(40))])


@pytest.mark.requirement("quotas.drain")
@pytest.mark.parametrize(
    ("limits", "quota"),
    [
        ({"requests_per_minute": 1}, "requests"),
        ({"messages_per_minute": 20}, "messages"),
        ({"bytes_per_hour": 30_000}, "bytes"),
    ],
)
async def test_what_a_quota_holds_up_arrives_after_its_window(pushing: World, limits: dict[str, int], quota: str):
    provider, consumer = pushing.provider, pushing.consumer
    allow(provider, **limits)
    connection = f"connections/{(await consumer.connection())['id']}"
    await consumer.api("POST", f"{connection}/pause", {"reason": ""})
    operations = [{"op": "create", "fields": {"short_description": f"text {n:03}"}} for n in range(100)]
    for _ in range(3):
        body = {"operations": operations, "connection_id": connection.removeprefix("connections/")}
        await consumer.api("POST", "incidents/bulk", body)
    await consumer.api("POST", f"{connection}/resume", {"reason": ""})
    await pushing.turn()
    waiting = await consumer.api("GET", connection)
    assert waiting["queued"] > 0
    assert (waiting["problem"]["code"], waiting["problem"]["quota"]) == ("quota_exceeded", quota)
    for _ in range(12):
        await pushing.turn(1200)
    assert (await consumer.api("GET", connection))["queued"] == 0
    sent = [one["status"] for one in await consumer.items(f"{connection}/messages?direction=out&limit=200")]
    assert set(sent) == {"applied"}
    assert (await use(provider))["last_refused"] == quota


@pytest.mark.requirement("quotas.lanes")
async def test_a_peer_that_begins_too_many_lanes_keeps_those_it_has(invited: World):
    peer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    invited.clock.forward(3600)
    allow(invited.provider, new_lanes_per_hour=2)
    bonds = [end.book.share(short_description=f"text {number}") for number in range(4)]
    sent = end.outbox.waiting()
    answer = await peer.on_connection(end, "POST", MESSAGES, {"epoch": 1, "messages": sent}, "messages")
    outcomes = [outcome["outcome"] for outcome in answer["outcomes"]]
    assert sorted(outcomes) == ["applied"] * 2 + ["deferred"] * 2
    deferred = answer["outcomes"][outcomes.index("deferred")]["problem"]
    assert (deferred["status"], deferred["code"], deferred["quota"]) == (429, "quota_exceeded", "new_lanes")
    end.book.change(bonds[outcomes.index("applied")], short_description="changed")
    await peer.push(end)
    assert "changed" in await invited.provider.texts()
    invited.clock.forward(3600)
    await settle_with_ours(invited, peer, end)
    assert len(await invited.provider.texts()) == 4


@pytest.mark.requirement("quotas.refusal")
@pytest.mark.parametrize(("asked", "given"), [(600, 600), (86_400, 3600)])
async def test_a_peer_gets_the_time_it_asks_for_up_to_an_hour_and_nothing_is_condemned(
    invited: World, asked: int, given: int
):
    peer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    end.refusal = Problem(429, "quota_exceeded", retry_after=asked, quota="bytes", limit=1, window_seconds=3600)
    await invited.provider.share("patient")
    await invited.provider.worker.delivery.deliver_due()
    end.refusal = None
    invited.clock.forward(given - 2)
    await peer.beat(end)
    await invited.provider.worker.delivery.deliver_due()
    assert end.book.records == {}
    invited.clock.forward(3)
    await invited.provider.worker.delivery.deliver_due()
    assert [one.fields["short_description"] for one in end.book.records.values()] == ["patient"]


@pytest.mark.requirement("quotas.told")
async def test_quotas_stand_in_the_discovery_document_and_their_use_on_the_connection(pushing: World):
    found = (await pushing.provider.client.get("/.well-known/service-exchange")).json()["limits"]
    assert found["quotas"] == QuotaLimits().model_dump()
    assert (found["held_per_lane"], found["held_per_connection"]) == (100, 10_000)
    await pushing.consumer.share("one")
    await pushing.turn(10)
    await pushing.consumer.share("two")
    await pushing.turn(10)
    used = await use(pushing.provider)
    assert used["octets"] > 0
    assert used["new_lanes"] >= 1
    assert (used["refused"], used["last_refused"], used["last_refused_at"]) == (0, "", None)


@pytest.mark.requirement("quotas.drain")
async def test_a_backlog_of_ten_thousand_drains_without_a_refusal(pushing: World):
    consumer = pushing.consumer
    connection = await consumer.connection()
    pushing.wire.down.add("https://p.example")
    for number in range(100):
        operations = [{"op": "create", "fields": {"short_description": f"{number} {n}"}} for n in range(100)]
        await consumer.api("POST", "incidents/bulk", {"operations": operations, "connection_id": connection["id"]})
    assert (await consumer.connection())["queued"] == 10_000
    pushing.wire.down.clear()
    pushing.clock.forward(60)
    before = len(pushing.wire.calls)
    await consumer.turn()
    assert (await consumer.connection())["queued"] == 0
    assert {call.status for call in pushing.wire.calls[before:] if call.name == f"POST {MESSAGES}"} == {200}
