"""The consumer's end of a connection: as the called side, and fetching where it cannot be called."""

import asyncio
import json

import pytest

from consumer_service.connections.calls import pull, pull_forever
from shared.delivery import figures
from shared.transport.errors import RefusedByPeer
from shared.wire.identifiers import new_id
from shared.wire.states import ConnectionState, DeliveryMode, LinkStatus, Role
from tests.patience import PATIENCE_SECONDS
from tests.provider.connections.pair import Pair, Side

pytestmark = pytest.mark.anyio


async def fetch(pair: Pair, wait: int = 0) -> int:
    consumer = pair.consumer
    return await pull(consumer.context, pair.connection_id, consumer.handlers, hooks=consumer.hooks, wait=wait)


async def activate_by_fetching(pair: Pair) -> None:
    await pair.activate(DeliveryMode.PULL)
    assert await fetch(pair) == 1


async def held_fetch(pair: Pair) -> "asyncio.Task[int]":
    """Begin a fetch, and return once the provider keeps it waiting."""
    pair.clock.pass_by(minutes=1)
    now_ms = round(pair.clock.seconds() * 1000)
    waiting = asyncio.create_task(fetch(pair, wait=20))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            seen = await pair.provider.database.read(figures.figures, pair.connection_id, now_ms)
            if seen is not None and seen.last_contact_at == now_ms:
                return waiting


async def beat(side: Side) -> None:
    with side.database.transaction() as session:
        due = side.service.beat_now(session, connection_id=side.connection_id, now=side.clock())
    await side.calls.send_beat(side.context, due)


async def test_settings_in_both_directions_activate_both_sides(pair: Pair) -> None:
    await pair.activate()
    assert [side.connection.state for side in (pair.provider, pair.consumer)] == [ConnectionState.ACTIVE] * 2
    assert pair.consumer.detail().peer_settings.name == "provider"


async def test_a_consumer_that_fetches_is_activated_without_ever_being_called(pair: Pair) -> None:
    await pair.activate(DeliveryMode.PULL)
    assert pair.provider.connection.state == ConnectionState.CONNECTING
    assert await fetch(pair) == 1
    assert [side.connection.state for side in (pair.provider, pair.consumer)] == [ConnectionState.ACTIVE] * 2
    assert await pair.provider.calls.heartbeats_due(pair.provider.context) == 0


async def test_messages_are_fetched_applied_and_settled(pair: Pair) -> None:
    await activate_by_fetching(pair)
    pair.provider.write("one", "two")
    assert await fetch(pair) == 2
    assert pair.consumer.notes == ["one", "two"]
    assert pair.provider.detail().queued == 0
    assert await fetch(pair) == 0


async def test_a_batch_whose_verdicts_were_lost_is_given_out_again_and_applied_once(pair: Pair) -> None:
    await activate_by_fetching(pair)
    pair.provider.write("once")
    answer = await pair.ask(pair.provider, "/exchange/v1/messages?wait=0", None)
    assert len(answer.json()["messages"]) == 1
    assert await fetch(pair) == 0
    pair.clock.pass_by(seconds=61)
    late = {
        "epoch": 1,
        "lease": answer.json()["lease"],
        "outcomes": [{"id": answer.json()["messages"][0]["id"], "outcome": "applied"}],
    }
    refused = await pair.ask(pair.provider, "/exchange/v1/outcomes", json.dumps(late).encode())
    assert (refused.status_code, refused.json()["code"]) == (409, "lease_unknown")
    assert await fetch(pair) == 1
    assert pair.consumer.notes == ["once"]


async def test_a_waiting_fetch_is_answered_as_soon_as_something_is_queued(pair: Pair) -> None:
    await activate_by_fetching(pair)
    waiting = asyncio.create_task(fetch(pair, wait=20))
    await asyncio.sleep(0)
    await pair.provider.database.write(lambda _session: pair.provider.notes.clear())
    pair.provider.write("soon")
    assert await asyncio.wait_for(waiting, PATIENCE_SECONDS) == 1


async def test_a_goodbye_reaches_a_consumer_that_fetches_after_what_waited_before_it(pair: Pair) -> None:
    await activate_by_fetching(pair)
    words = [f"{lane}-{number}" for lane in ("a", "b", "c", "d", "e") for number in range(30)]
    for lane in ("a", "b", "c", "d", "e"):
        pair.provider.write(*[word for word in words if word.startswith(lane)], lane=lane)
    pair.provider.do("close", reason="Contract ended", hooks=pair.provider.hooks)
    for _ in range(8):  # more than one batch, over every channel there is
        assert await pair.provider.calls.goodbyes_due(pair.provider.context) == 0
        if pair.consumer.connection.state == ConnectionState.CLOSED:
            break
        await fetch(pair)
        pair.clock.pass_by(seconds=6)
    assert sorted(pair.consumer.notes) == sorted(words)
    assert pair.consumer.connection.close_reason == "Contract ended"
    assert pair.consumer.moves == ["activated", "closed"]
    with pytest.raises(RefusedByPeer) as refused:
        await fetch(pair)
    assert refused.value.problem.code == "connection_closed"


async def test_a_goodbye_of_the_consumer_reaches_the_provider(pair: Pair) -> None:
    await activate_by_fetching(pair)
    pair.consumer.do("close", reason="Moving on", hooks=pair.consumer.hooks)
    await pair.consumer.calls.goodbyes_due(pair.consumer.context)
    assert pair.provider.connection.close_reason == "Moving on"


async def test_a_closing_consumer_that_fetches_misses_nothing_though_its_other_calls_are_refused(pair: Pair) -> None:
    await activate_by_fetching(pair)
    pair.provider.write("last words")
    pair.provider.do("close", reason="Contract ended", hooks=pair.provider.hooks)
    pair.clock.pass_by(minutes=30)
    assert await pair.consumer.calls.heartbeats_due(pair.consumer.context, pair.consumer.hooks) == 1
    pair.consumer.write("too late")
    await pair.consumer.deliver()
    assert await fetch(pair) == 1
    await pair.provider.calls.goodbyes_due(pair.provider.context)
    assert await fetch(pair) == 1
    assert pair.consumer.notes == ["last words"]
    assert (pair.consumer.connection.state, pair.consumer.moves) == (ConnectionState.CLOSED, ["activated", "closed"])


async def test_a_goodbye_that_nobody_fetches_is_looked_after_ever_less_often(pair: Pair) -> None:
    await activate_by_fetching(pair)
    pair.provider.write("last words")
    pair.provider.do("close", reason="Contract ended", hooks=pair.provider.hooks)
    pauses = []
    for hours in (0, 10, 100):
        pair.clock.pass_by(hours=hours)
        assert await pair.provider.calls.goodbyes_due(pair.provider.context) == 0
        pauses.append((pair.provider.connection.goodbye_due_at - pair.clock()).total_seconds())
    assert pauses == [5, 3_600, 39_600]


async def test_nothing_is_fetched_any_more_from_a_connection_closed_while_an_identity_was_in_doubt(pair: Pair) -> None:
    await activate_by_fetching(pair)
    pair.provider.write("confidential")
    pair.provider.do("suspend", identity_lost=True)
    pair.provider.do("close", reason="Keys were stolen", hooks=pair.provider.hooks)
    await pair.provider.calls.goodbyes_due(pair.provider.context)
    answer = await pair.ask(pair.provider, "/exchange/v1/messages?wait=0", None)
    assert (answer.status_code, answer.json()["code"]) == (410, "connection_closed")
    with pytest.raises(RefusedByPeer):
        await fetch(pair)
    assert pair.consumer.connection.state == ConnectionState.CLOSED


@pytest.mark.parametrize("move", ["pause", "suspend", "close"])
async def test_what_a_waiting_fetch_brings_after_a_move_that_lets_nothing_cross_is_left(pair: Pair, move: str) -> None:
    await activate_by_fetching(pair)
    waiting = await held_fetch(pair)
    pair.consumer.do(move, reason="Stop")
    pair.provider.write("too late")
    assert await asyncio.wait_for(waiting, PATIENCE_SECONDS) == 0
    assert (pair.consumer.notes, pair.provider.detail().queued) == ([], 1)


async def test_what_is_queued_while_a_batch_is_out_is_given_out_right_after_it(pair: Pair) -> None:
    await activate_by_fetching(pair)
    pair.provider.write("one")
    answer = await pair.ask(pair.provider, "/exchange/v1/messages?wait=0", None)
    pair.provider.write("two")
    verdicts = [{"id": message["id"], "outcome": "applied"} for message in answer.json()["messages"]]
    settlement = json.dumps({"epoch": 1, "lease": answer.json()["lease"], "outcomes": verdicts}).encode()
    assert (await pair.ask(pair.provider, "/exchange/v1/outcomes", settlement)).status_code == 200
    assert await fetch(pair) == 1


async def test_heartbeats_while_a_fetch_waits_make_no_other_history_of_it(pair: Pair) -> None:
    await activate_by_fetching(pair)
    await beat(pair.consumer)
    waiting = await held_fetch(pair)
    for _ in range(6):
        await beat(pair.consumer)
    pair.provider.write("after six words")
    assert await asyncio.wait_for(waiting, PATIENCE_SECONDS) == 1
    assert (pair.provider.connection.state, pair.provider.detail().queued) == (ConnectionState.ACTIVE, 0)


async def test_a_new_key_reaches_a_consumer_that_fetches_as_a_message(pair: Pair) -> None:
    await activate_by_fetching(pair)
    kid = pair.provider.rotate()
    assert await pair.provider.calls.key_notices_due(pair.provider.context) == 0
    assert await pair.provider.calls.key_notices_due(pair.provider.context) == 0
    assert not await pair.provider.tend()
    assert await fetch(pair) == 1
    assert await pair.provider.tend()
    assert pair.provider.http_key().kid == kid
    assert pair.consumer.connection.key_set_sequence == 2


async def test_the_long_running_fetcher_brings_messages_and_stops_when_told(pair: Pair) -> None:
    await pair.activate(DeliveryMode.PULL)
    stop = asyncio.Event()
    consumer = pair.consumer
    running = asyncio.create_task(pull_forever(consumer.context, consumer.handlers, stop, consumer.hooks))
    pair.provider.write("hello")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not consumer.notes:
            await consumer.database.read(lambda _session: None)
    stop.set()
    await asyncio.wait_for(running, PATIENCE_SECONDS)
    assert consumer.notes == ["hello"]


async def test_an_operator_sees_pauses_and_resumes_a_connection(pair: Pair) -> None:
    await pair.activate()
    await pair.consumer.calls.heartbeats_due(pair.consumer.context)
    client = pair.client(pair.consumer)
    path = f"/api/v1/connections/{pair.connection_id}"
    async with client:
        listed = (await client.get("/api/v1/connections", params={"state": "Active"})).json()
        assert [item["sending"] for item in listed["items"]] == [LinkStatus.UP]
        paused = await client.post(f"{path}/pause", json={"reason": "Lunch"}, headers={"idempotency-key": new_id()})
        assert paused.json()["state"] == "Paused"
        again = await client.post(f"{path}/pause", json={"reason": "Lunch"}, headers={"idempotency-key": new_id()})
        assert (again.status_code, again.json()["code"]) == (409, "illegal_move")
        resumed = await client.post(f"{path}/resume", json={}, headers={"idempotency-key": new_id()})
        assert resumed.json()["state"] == "Active"
        beaten = await client.post(f"{path}/heartbeat")
        assert beaten.json()["round_trip_ms"] is not None
        log = (await client.get(f"{path}/messages", params={"direction": "in"})).json()
        assert [item["type"] for item in log["items"]] == ["settings"]
        gone = await client.get("/api/v1/connections/0192f0c4-0000-7000-8000-00000000ffff")
        assert (gone.status_code, gone.json()["code"]) == (404, "connection_unknown")


async def test_a_reader_may_look_and_not_touch(pair: Pair) -> None:
    await pair.activate()
    pair.consumer.roles = frozenset({Role.SN_SB_READ})
    path = f"/api/v1/connections/{pair.connection_id}"
    async with pair.client(pair.consumer) as client:
        assert (await client.get(path)).status_code == 200
        refused = await client.post(f"{path}/pause", json={}, headers={"idempotency-key": new_id()})
        assert refused.status_code == 403


async def test_checks_find_nothing_on_a_link_that_is_well(pair: Pair) -> None:
    await pair.activate()
    await pair.settle()
    for side in (pair.provider, pair.consumer):
        await side.calls.heartbeats_due(side.context)
    for side in (pair.provider, pair.consumer):
        assert await findings(side, pair.connection_id) == {}


async def test_checks_tell_a_silent_peer_and_a_key_set_about_to_end(pair: Pair) -> None:
    await pair.activate()
    pair.clock.pass_by(days=28)
    pair.provider.database.close()
    found = await findings(pair.consumer, pair.connection_id)
    assert found == {"connections.reachable": 1, "connections.key_set": 1, "connections.direction": 2}


async def findings(side: object, connection_id: str) -> dict[str, int]:
    subject = side.module("checks").Subject("connection", connection_id)
    checks = side.module("connections.checks").CHECKS
    found = {check.id: len(await check.run(side.context, subject)) for check in checks}
    return {name: count for name, count in found.items() if count}
