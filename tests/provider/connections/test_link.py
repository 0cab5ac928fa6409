"""An established connection, driven from both ends (docs/protocol.md, sections 8 to 11)."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from shared.delivery.tables import channels
from shared.signing.keys import generate
from shared.transport.errors import Unreachable
from shared.wire.states import ConnectionState, DeliveryMode, KeyPurpose, LinkStatus, MessageType
from tests.provider.connections.pair import Pair

pytestmark = pytest.mark.anyio


def code_of(response: object) -> tuple[int, str]:
    return response.status_code, json.loads(response.content)["code"]


async def test_settings_in_both_directions_activate_both_sides(pair: Pair) -> None:
    await pair.activate()
    for side in (pair.provider, pair.consumer):
        assert side.connection.state == ConnectionState.ACTIVE
        assert side.moves == ["activated"]
        assert "connection.activated" in side.actions()
    assert pair.provider.detail().peer_settings.name == "consumer"


async def test_opening_the_same_connection_again_changes_nothing(pair: Pair) -> None:
    await pair.activate()
    before = pair.provider.connection.version
    pair.provider.open(pair.consumer, pair.connection_id, DeliveryMode.PUSH)
    assert pair.provider.connection.version == before
    assert pair.provider.detail().queued == 0


async def test_messages_arrive_in_order_and_are_settled(pair: Pair) -> None:
    await pair.activate()
    pair.provider.write("one", "two", "three")
    await pair.provider.deliver()
    assert pair.consumer.notes == ["one", "two", "three"]
    assert pair.provider.detail().queued == 0
    with pair.provider.database.transaction() as session:
        log = pair.provider.service.messages(session, connection_id=pair.connection_id, direction="out")
    assert [(item.type, item.status) for item in log] == [("note", "applied")] * 3 + [("settings", "applied")]


def batch(number: int = 1, **changes: object) -> bytes:
    message = {
        "id": f"0192f0c4-0000-7000-8000-{number:012d}",
        "lane": "by-hand",
        "sequence": number,
        "type": "note",
        "time": "2026-11-01T12:00:00.000Z",
        "subject": "",
        "data": {"text": str(number)},
    }
    return json.dumps({"epoch": 1, "messages": [message]} | changes).encode()


async def test_a_replayed_request_is_refused_and_has_no_effect(pair: Pair) -> None:
    await pair.activate()
    path, body = "/exchange/v1/messages", batch()
    headers = pair.signed(pair.provider, path, body)
    first = await pair.send_as_is(pair.provider, path, body, headers)
    assert first.json()["outcomes"][0]["outcome"] == "applied"
    assert code_of(await pair.send_as_is(pair.provider, path, body, headers)) == (401, "nonce_seen")
    assert pair.provider.notes == ["1"]


async def test_the_same_bytes_signed_anew_are_a_duplicate(pair: Pair) -> None:
    await pair.activate()
    await pair.ask(pair.provider, "/exchange/v1/messages", batch())
    again = await pair.ask(pair.provider, "/exchange/v1/messages", batch())
    assert again.json()["outcomes"][0] == {
        "id": "0192f0c4-0000-7000-8000-000000000001",
        "outcome": "duplicate",
        "stored": "applied",
    }


async def test_a_held_message_gets_its_verdict_in_an_outcome_message(pair: Pair) -> None:
    await pair.activate()
    held = await pair.ask(pair.provider, "/exchange/v1/messages", batch(2))
    assert held.json()["outcomes"][0]["outcome"] == "held"
    await pair.ask(pair.provider, "/exchange/v1/messages", batch(1))
    with pair.provider.database.transaction() as session:
        log = pair.provider.service.messages(session, connection_id=pair.connection_id, direction="out")
    assert log[0].type == MessageType.OUTCOME


async def test_an_unknown_connection_is_refused(pair: Pair) -> None:
    await pair.activate()
    other = "0192f0c4-0000-7000-8000-00000000ffff"
    answer = await pair.ask(pair.provider, "/exchange/v1/messages", batch(), connection_id=other)
    assert code_of(answer) == (404, "connection_unknown")
    assert "signature-input" in answer.headers


async def test_a_key_of_somebody_else_is_refused(pair: Pair) -> None:
    await pair.activate()
    answer = await pair.ask(pair.provider, "/exchange/v1/messages", batch(), key=generate(KeyPurpose.HTTP))
    assert code_of(answer) == (401, "key_unknown")


async def test_an_old_epoch_is_refused_once_a_higher_one_was_seen(pair: Pair) -> None:
    await pair.activate()
    newer = await pair.ask(pair.provider, "/exchange/v1/messages", batch(1, epoch=2))
    assert newer.status_code == 200
    older = await pair.ask(pair.provider, "/exchange/v1/messages", batch(2, epoch=1))
    assert code_of(older) == (409, "epoch_old")
    assert pair.provider.notes == ["1"]
    assert "connection.peer_restored" in pair.provider.actions()


async def test_a_malformed_batch_is_refused_only_after_its_signature(pair: Pair) -> None:
    await pair.activate()
    assert code_of(await pair.ask(pair.provider, "/exchange/v1/messages", b'{"a":1,"a":2}')) == (400, "malformed")
    unsigned = await pair.send_as_is(pair.provider, "/exchange/v1/messages", b'{"a":1,"a":2}', [])
    assert code_of(unsigned)[0] == 401


async def test_a_paused_connection_keeps_its_queues_and_goes_on_when_resumed(pair: Pair) -> None:
    await pair.activate()
    pair.provider.do("pause", reason="Maintenance")
    pair.consumer.write("from consumer")
    pair.provider.write("from provider")
    await pair.settle()
    assert (pair.provider.notes, pair.consumer.notes) == ([], [])
    assert pair.consumer.detail().problem.code == "connection_paused"
    pair.provider.do("resume")
    await pair.provider.calls.heartbeats_due(pair.provider.context)
    await pair.settle()
    assert (pair.provider.notes, pair.consumer.notes) == (["from consumer"], ["from provider"])


async def test_a_suspended_connection_lets_nothing_cross(pair: Pair) -> None:
    await pair.activate()
    pair.provider.do("suspend", reason="Doubt")
    answer = await pair.ask(pair.provider, "/exchange/v1/messages", batch())
    assert code_of(answer) == (403, "connection_suspended")


async def test_a_goodbye_of_the_provider_reaches_the_consumer(pair: Pair) -> None:
    await pair.activate()
    pair.provider.do("close", reason="Contract ended", hooks=pair.provider.hooks)
    assert await pair.provider.calls.goodbyes_due(pair.provider.context) == 1
    for side in (pair.provider, pair.consumer):
        assert side.connection.state == ConnectionState.CLOSED
        assert side.connection.close_reason == "Contract ended"
        assert side.moves == ["activated", "closed"]
    assert await pair.provider.calls.goodbyes_due(pair.provider.context) == 0
    assert code_of(await pair.ask(pair.consumer, "/exchange/v1/messages", batch())) == (410, "connection_closed")


async def test_a_peer_that_missed_the_goodbye_learns_of_it_by_its_next_call(pair: Pair) -> None:
    await pair.activate()
    pair.consumer.do("close", reason="Done")
    pair.provider.write("too late")
    await pair.provider.deliver()
    assert pair.provider.connection.state == ConnectionState.CLOSED
    assert pair.provider.moves == ["activated", "closed"]


async def test_a_new_key_is_told_acknowledged_and_then_signs(pair: Pair) -> None:
    await pair.activate()
    for side in (pair.provider, pair.consumer):
        await side.calls.key_notices_due(side.context)
    kid = pair.provider.rotate()
    assert not await pair.provider.tend()
    assert await pair.provider.calls.key_notices_due(pair.provider.context) == 1
    assert await pair.provider.tend()
    assert pair.provider.http_key().kid == kid
    pair.provider.write("under the new key")
    await pair.provider.deliver()
    assert pair.consumer.notes == ["under the new key"]
    assert pair.consumer.connection.key_set_sequence == 2


async def test_a_lower_key_set_is_refused(pair: Pair) -> None:
    await pair.activate()
    old = pair.consumer.connection.key_set
    pair.provider.rotate()
    await pair.provider.calls.key_notices_due(pair.provider.context)
    body = json.dumps({"key_set": old}).encode()
    answer = await pair.ask(pair.consumer, "/exchange/v1/keys", body, idempotency_key="old")
    assert code_of(answer) == (401, "key_set_sequence")


async def test_heartbeats_measure_both_directions(pair: Pair) -> None:
    await pair.activate()
    assert await pair.provider.calls.heartbeats_due(pair.provider.context) == 1
    ours, theirs = pair.provider.detail(), pair.consumer.detail()
    assert ours.sending is LinkStatus.UP
    assert ours.round_trip_ms is not None
    assert abs(ours.skew_ms) < 5000
    assert theirs.receiving is LinkStatus.UP
    assert [beat.direction for beat in theirs.beats] == ["in"]
    assert await pair.provider.calls.heartbeats_due(pair.provider.context) == 0
    pair.clock.pass_by(seconds=60)
    assert await pair.provider.calls.heartbeats_due(pair.provider.context) == 1


async def test_a_heartbeat_number_that_does_not_grow_is_refused_and_the_address_asked(pair: Pair) -> None:
    await pair.activate()
    beat = {"number": 5, "epoch": 1, "time": 0, "state": "Active", "queued": 0, "sent": 0, "received": 0}
    answers = [
        await pair.ask(pair.provider, "/exchange/v1/heartbeat", json.dumps(beat).encode(), idempotency_key=name)
        for name in ("one", "two")
    ]
    assert [answer.status_code for answer in answers] == [200, 409]
    assert answers[1].json()["code"] == "history_contested"
    assert pair.provider.detail().contest.verdict is None
    assert await pair.provider.calls.heartbeats_due(pair.provider.context) == 1
    assert pair.provider.detail().contest.verdict is not None


async def test_a_repeated_call_gets_its_stored_answer(pair: Pair) -> None:
    await pair.activate()
    beat = {"number": 5, "epoch": 1, "time": 0, "state": "Active", "queued": 0, "sent": 0, "received": 0}
    body = json.dumps(beat).encode()
    answers = [await pair.ask(pair.provider, "/exchange/v1/heartbeat", body, idempotency_key="same") for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert len(pair.provider.detail().beats) == 1


async def test_a_silent_peer_is_down_and_asked_again_within_seconds(pair: Pair) -> None:
    await pair.activate()
    pair.consumer.database.close()
    await pair.provider.calls.heartbeats_due(pair.provider.context)
    found = pair.provider.detail()
    assert found.sending is LinkStatus.DOWN
    assert found.problem is not None
    pair.clock.pass_by(seconds=6)
    assert await pair.provider.calls.heartbeats_due(pair.provider.context) == 1


async def test_keys_that_changed_without_a_word_are_looked_up_at_the_pinned_address(pair: Pair) -> None:
    await pair.activate()
    pair.consumer.rotate()
    with pair.consumer.database.transaction() as session:
        staged = [key for key in pair.consumer.keys.list_keys(session) if key.state == "pre_active"]
        pair.consumer.keys.activate(
            session,
            pair.consumer.masters,
            staged[0].kid,
            insist=True,
            actor=pair.consumer.actor,
            hooks=pair.consumer.key_hooks(),
            now=pair.clock(),
        )
    await pair.consumer.holder.refresh()
    await pair.provider.calls.heartbeats_due(pair.provider.context)
    assert pair.provider.detail().problem.code == "unsigned_answer"
    assert await pair.provider.calls.refreshes_due(pair.provider.context) == 1
    pair.clock.pass_by(seconds=10)
    await pair.provider.calls.heartbeats_due(pair.provider.context)
    assert pair.provider.detail().sending is LinkStatus.UP


async def test_a_message_that_could_not_be_applied_is_replayed_and_its_sender_told(pair: Pair) -> None:
    await pair.activate()
    pair.consumer.write("break", "behind it")
    await pair.consumer.deliver()
    assert pair.provider.detail().quarantined == 1
    assert pair.provider.notes == []
    pair.provider.broken = False
    async with pair.client(pair.provider) as client:
        log = (await client.get(f"{api(pair)}/messages", params={"direction": "in", "status": "quarantined"})).json()
        path = f"{api(pair)}/messages/{log['items'][0]['id']}/replay"
        done = await client.post(path, json={}, headers={"idempotency-key": "replay"})
        again = await client.post(path, json={}, headers={"idempotency-key": "again"})
    assert done.json()["quarantined"] == 0
    assert code_of(again) == (404, "not_quarantined")
    assert pair.provider.notes == ["break", "behind it"]
    await pair.provider.deliver()
    assert {item.status for item in sent_notes(pair)} == {"applied"}


async def test_a_skipped_message_is_rejected_and_its_lane_goes_on(pair: Pair) -> None:
    await pair.activate()
    pair.consumer.write("break", "behind it")
    await pair.consumer.deliver()
    async with pair.client(pair.provider) as client:
        log = (await client.get(f"{api(pair)}/messages", params={"direction": "in", "status": "quarantined"})).json()
        path = f"{api(pair)}/messages/{log['items'][0]['id']}/skip"
        await client.post(path, json={"reason": "Never mind"}, headers={"idempotency-key": "skip"})
    await pair.provider.deliver()
    assert pair.provider.notes == ["behind it"]
    assert [item.status for item in sent_notes(pair)] == ["applied", "rejected"]


def take_one_at_a_time(pair: Pair) -> None:
    with pair.provider.database.transaction() as session:
        row = pair.provider.service.get(session, pair.connection_id, lock=True)
        row.peer_settings = {**row.peer_settings, "limits": {**row.peer_settings["limits"], "messages_per_request": 1}}


async def test_a_part_of_a_batch_that_fails_undoes_no_other(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    await pair.activate()
    take_one_at_a_time(pair)
    pair.provider.write("one", "two", "three")
    peers, called = pair.provider.context.peers, []
    call = peers.call

    async def third_fails(**request: Any) -> Any:
        called.append(request["path"])
        if len(called) == 3:
            raise Unreachable("The peer does not answer", cause="It took two and went away.")
        return await call(**request)

    monkeypatch.setattr(peers, "call", third_fails)
    await pair.provider.deliver()
    assert (pair.consumer.notes, len(called)) == (["one", "two", "three"], 4), "what has its verdict is not sent again"


async def test_the_parts_of_a_batch_are_sent_within_its_lease(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    await pair.activate()
    take_one_at_a_time(pair)
    pair.provider.write(*(str(number) for number in range(8)))
    peers, leases = pair.provider.context.peers, []
    call = peers.call

    async def slow(**request: Any) -> Any:
        pair.clock.pass_by(seconds=3)
        with pair.provider.database.snapshot() as connection:
            lapses_at = connection.execute(select(channels.c.due_at).where(channels.c.lease_token.isnot(None)))
            leases.append(lapses_at.scalar_one() - round(pair.clock.seconds() * 1000))
        return await call(**request)

    monkeypatch.setattr(peers, "call", slow)
    await pair.provider.deliver()
    assert (len(pair.consumer.notes), len(leases)) == (8, 8)
    assert min(leases) > 0


async def test_batches_keep_to_what_the_peer_takes_at_once(pair: Pair) -> None:
    await pair.activate()
    take_one_at_a_time(pair)
    pair.provider.write("one", "two", "three")
    await pair.provider.deliver()
    assert pair.consumer.notes == ["one", "two", "three"]
    assert pair.consumer.runs == [1, 1, 1]


def api(pair: Pair) -> str:
    return f"/api/v1/connections/{pair.connection_id}"


def sent_notes(pair: Pair) -> list[object]:
    with pair.consumer.database.transaction() as session:
        log = pair.consumer.service.messages(session, connection_id=pair.connection_id, direction="out")
    return [item for item in log if item.type == "note"]
