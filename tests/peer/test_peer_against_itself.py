"""The peer's two sides against each other: they onboard, exchange, end equal, and catch each other's lies."""

import ast
import random
from pathlib import Path

import httpx
import pytest

from tests.peer import exchange, wire
from tests.peer.consumer import Consumer
from tests.peer.instance import Refused
from tests.peer.live import live, loopback
from tests.peer.network import CONSUMER, PROVIDER, Clock, Line, Pair, ends, onboarded, pair
from tests.peer.provider import Provider
from tests.peer.wire import Problem

pytestmark = pytest.mark.anyio

BOTH = pytest.mark.parametrize("delivery", ["push", "pull"])


def test_the_peer_imports_nothing_of_the_packages_it_is_held_against():
    folder = Path(__file__).parent
    files = sorted(folder.rglob("*.py"))
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"shared", "provider_service", "consumer_service"}
            assert not (isinstance(node, ast.ImportFrom) and node.level), "no relative imports"


def test_no_module_of_the_peer_is_longer_than_250_lines():
    long = [file.name for file in Path(__file__).parent.glob("*.py") if len(file.read_text().splitlines()) > 250]
    assert [name for name in long if not name.startswith("test_")] == []


@BOTH
async def test_both_sides_show_the_same_comparison_code(delivery):
    both = pair(delivery)
    registration = both.provider.mint(CONSUMER)
    shown = []

    async def browser(url, code):
        shown.append((code, both.provider.comparison_code(registration)))
        return both.provider.allow(dict(httpx.URL(url).params)["request_uri"], registration.contact, code)

    await both.consumer.onboard(both.provider.link(registration), browser)
    assert shown[0][0] == shown[0][1]
    assert len(shown[0][0]) == 9


@BOTH
async def test_after_the_settings_the_registration_is_closed_complete(delivery):
    both = await onboarded(delivery)
    registration = both.provider.registrations["REG0000001"]
    assert registration.state == "Closed Complete"
    assert all(end.agreed for end in ends(both))
    status = await both.consumer.status(both.consumer.handshakes[0])
    assert {step["state"] for step in status["steps"]} == {"done"}


async def test_both_sides_work_over_real_sockets():
    left, right = loopback(), loopback()
    async with httpx.AsyncClient() as client:
        provider = Provider(left.issuer, client)
        consumer = Consumer(right.issuer, client)
        async with live(provider, left), live(consumer, right):
            both = Pair(Line(), Clock(), provider, consumer, client)
            theirs, ours = await both.onboard()
            ours.book.share(state="New")
            assert await consumer.push(ours) == "settled"
            assert await provider.push(theirs) == "settled"
            assert all(end.agreed for end in (theirs, ours))
            assert (await consumer.beat(ours))["received"] == 2


async def test_a_pull_consumer_is_never_called():
    both = await onboarded("pull")
    assert {target.startswith(PROVIDER) for _, target in both.provider.calls} <= {True}
    assert both.provider.calls == []


async def test_the_browser_may_land_at_the_consumers_own_callback():
    both = pair()
    registration = both.provider.mint(CONSUMER)

    async def browser(url, code):
        landed = await both.browse(url, code)
        assert (await both.client.get(landed)).status_code == 200

    handshake = await both.consumer.onboard(both.provider.link(registration), browser)
    assert handshake.connection is not None


@BOTH
@pytest.mark.parametrize("seed", range(3))
async def test_records_end_equal_over_a_line_that_drops_doubles_and_disorders(delivery, seed):
    both = await onboarded(delivery)
    theirs, ours = ends(both)
    chance = random.Random(seed)
    both.line.loss, both.line.twice, both.line.chance = 0.2, 0.2, random.Random(seed + 100)
    theirs.outbox.disorder, ours.outbox.disorder = random.Random(seed + 200), random.Random(seed + 300)
    bonds = [theirs.book.share(state="New", impact="1"), ours.book.share(state="New", urgency="2")]
    for count in range(30):
        await both.turn()
        both.clock.forward(61)
        for end in (theirs, ours):
            bond = chance.choice(bonds)
            if bond in end.book.records:
                end.book.change(bond, **{chance.choice(["state", "impact", "urgency"]): f"{end.role} {count}"})
                end.book.comment(bond, f"{end.role} {count}")
    await both.settle()
    assert both.line.lost > 5
    for bond in bonds:
        left, right = theirs.book.records[bond], ours.book.records[bond]
        assert left.fields == right.fields
        assert left.comments == right.comments
    for end in (theirs, ours):
        assert len(set(end.inbox.applied)) == len(end.inbox.applied)
        assert {entry.state for entry in end.outbox.entries.values()} == {"done"}


async def test_the_provider_wins_and_notes_the_other_value():
    both = await onboarded()
    theirs, ours = ends(both)
    bond = theirs.book.share(state="New")
    await both.settle()
    theirs.book.change(bond, state="of the provider")
    ours.book.change(bond, state="of the consumer")
    await both.settle()
    assert [end.book.records[bond].fields["state"] for end in (theirs, ours)] == ["of the provider"] * 2
    assert theirs.book.records[bond].notes == [("state", "of the consumer")]


async def test_an_update_without_a_bond_is_rejected_and_its_sequence_consumed():
    both = await onboarded()
    theirs, ours = ends(both)
    ours.outbox.enqueue(wire.new_id(1), "incident.comment", {"comment_id": "x", "author": "a", "time": "", "text": "t"})
    ours.outbox.enqueue("elsewhere", "unheard.of", {})
    await both.settle()
    rejected = [entry.problem["code"] for entry in ours.outbox.entries.values() if entry.state == "rejected"]
    assert rejected == ["bond_unknown", "unsupported_type"]
    assert theirs.inbox.highest["elsewhere"] == 1


async def test_the_same_id_with_other_content_is_a_conflict():
    both = await onboarded()
    theirs, ours = ends(both)
    ours.book.share(state="New")
    message = ours.outbox.waiting()[0]
    await both.settle()
    assert theirs.inbox.receive(message)["outcome"] == "duplicate"
    assert theirs.inbox.receive(message | {"subject": "another"})["outcome"] == "conflict"
    assert theirs.inbox.receive(message | {"id": wire.new_id(1), "subject": "another"})["outcome"] == "conflict"


def test_more_than_a_hundred_held_in_a_lane_are_deferred():
    inbox = exchange.Inbox(lambda _message: None)
    outbox = exchange.Outbox(lambda: 1.0)
    messages = [outbox.enqueue("lane", "incident", {}) for _ in range(102)]
    outcomes = [inbox.receive(message)["outcome"] for message in messages[1:]]
    assert outcomes == ["held"] * 100 + ["deferred"]
    assert inbox.receive(messages[0])["outcome"] == "applied"
    assert inbox.receive(messages[101])["outcome"] == "applied"


async def test_a_batch_too_large_is_halved_until_it_fits():
    both = await onboarded()
    theirs, ours = ends(both)
    for _ in range(101):
        ours.outbox.enqueue("lane", "incident", {})
    ours.batch = 101
    assert await both.consumer.push(ours) == "invalid"
    assert ours.batch == 50
    await both.settle()
    assert theirs.inbox.highest["lane"] == 101


async def test_a_lapsed_lease_is_refused_and_its_messages_given_out_again():
    both = await onboarded("pull")
    theirs, ours = ends(both)
    theirs.book.share(state="New")
    first = await both.consumer.on_connection(ours, "GET", "/exchange/v1/messages?wait=0", None, "pull")
    assert len(first["messages"]) == 1
    both.clock.forward(61)
    document = {"epoch": 1, "lease": first["lease"], "outcomes": []}
    with pytest.raises(Refused) as caught:
        await both.consumer.on_connection(ours, "POST", "/exchange/v1/outcomes", document, "outcomes")
    assert (caught.value.status, caught.value.code) == (409, "lease_unknown")
    assert await both.consumer.pull(ours) == 1


async def test_heartbeats_keys_and_goodbye_work_both_ways():
    both = await onboarded()
    theirs, ours = ends(both)
    assert (await both.consumer.beat(ours))["number"] == 1
    assert (await both.provider.beat(theirs))["number"] == 2
    old = both.consumer.keys.active("http")
    new = both.consumer.keys.add("http")
    assert await both.consumer.tell_keys(ours) == {"sequence": 2}
    both.consumer.keys.set_state(old.kid, "retiring")
    both.consumer.keys.set_state(new.kid, "active")
    assert (await both.consumer.beat(ours))["number"] == 3
    assert await both.consumer.tell_keys(ours) == {"sequence": 4}
    assert (await both.provider.leave(theirs, "the end"))["state"] == "Closed"
    theirs.closed = None
    with pytest.raises(Refused) as caught:
        await both.provider.beat(theirs)
    assert (caught.value.status, caught.value.code) == (410, "connection_closed")


async def test_a_goodbye_reaches_a_pull_consumer_as_a_message():
    both = await onboarded("pull")
    theirs, ours = ends(both)
    both.provider.goodbye_by_message(theirs, "the end")
    assert await both.consumer.pull(ours) == 1
    assert (theirs.closed, ours.closed) == ("us", "peer")


async def test_cancelling_twice_succeeds_and_ends_everything():
    both = pair()
    registration = both.provider.mint(CONSUMER)
    handshake = await both.consumer.validate(both.provider.link(registration))
    await both.consumer.announce(handshake)
    for _ in range(2):
        assert (await both.consumer.cancel(handshake, "no more"))["state"] == "Closed Incomplete"
    with pytest.raises(Refused) as caught:
        await both.consumer.reveal(handshake)
    assert (caught.value.status, caught.value.code) == (410, "registration_closed")


async def test_keys_that_changed_meanwhile_are_learnt_from_the_discovery():
    both = await onboarded()
    _, ours = ends(both)
    old = both.provider.keys.active("http")
    both.provider.keys.set_state(old.kid, "retired")
    both.provider.keys.add("http", "active")
    ours.book.share(state="New")
    assert await both.consumer.push(ours) == "key_unknown"
    await both.consumer.refresh(ours)
    assert await both.consumer.push(ours) == "settled"


async def test_a_claim_about_a_message_that_was_never_sent_changes_nothing():
    both = await onboarded()
    theirs, ours = ends(both)
    before = dict(ours.outbox.entries)
    theirs.outbox.enqueue("connection", "outcome", {"id": wire.new_id(1), "outcome": "applied"})
    await both.settle()
    assert ours.outbox.entries == before


async def test_the_provider_cancels_at_the_consumer():
    both = pair()
    await both.onboard()
    answer = await both.provider.cancel(both.provider.registrations["REG0000001"], "by the provider")
    assert answer["reason"] == "by the provider"
    assert both.consumer.handshakes[0].connection.closed == "by the provider"


async def test_what_is_complete_is_not_cancelled_by_the_provider():
    both = await onboarded()
    with pytest.raises(Refused) as caught:
        await both.provider.cancel(both.provider.registrations["REG0000001"], "by the provider")
    assert (caught.value.status, caught.value.code) == (409, "registration_closed")
    assert both.consumer.handshakes[0].connection.closed is None


async def test_a_repeated_completion_returns_the_stored_answer_and_another_body_is_refused():
    both = await onboarded()
    handshake = both.consumer.handshakes[0]
    assert (await both.consumer.complete(handshake))["connection_id"] == handshake.connection.id
    with pytest.raises(Refused) as caught:
        await both.consumer.step(handshake, "completion", {"code": "other"}, handshake.completion_key)
    assert (caught.value.status, caught.value.code) == (422, "idempotency_key_reused")
    with pytest.raises(Refused) as caught:
        await both.consumer.complete(handshake, key="y" * 16)
    assert caught.value.code == "code_invalid"


async def test_a_lost_nonce_starts_the_comparison_anew():
    both = pair()
    handshake = await both.consumer.validate(both.provider.link(both.provider.mint(CONSUMER)))
    first = (await both.consumer.announce(handshake))["nonce_p"]
    assert (await both.consumer.announce(handshake))["nonce_p"] == first
    handshake.nonce_c = wire.b64u(bytes(32))
    assert (await both.consumer.announce(handshake))["nonce_p"] != first


async def test_a_code_typed_wrongly_five_times_uses_the_request_up():
    both = pair("pull")
    registration = both.provider.mint(CONSUMER)
    handshake = await both.consumer.validate(both.provider.link(registration))
    await both.consumer.announce(handshake)
    await both.consumer.reveal(handshake)
    await both.consumer.authorize(handshake)
    for _ in range(5):
        with pytest.raises(Problem) as caught:
            both.provider.allow(handshake.request_uri, registration.contact, "0000-0000")
        assert caught.value.code == "comparison_failed"
    with pytest.raises(Problem) as caught:
        both.provider.allow(handshake.request_uri, registration.contact, both.consumer.comparison_code(handshake))
    assert caught.value.code == "not_found"


async def test_a_held_message_gets_its_verdict_later():
    both = await onboarded()
    theirs, ours = ends(both)
    first, second = (ours.outbox.enqueue("lane", "unheard.of", {}) for _ in range(2))
    answer = await both.consumer.on_connection(
        ours, "POST", "/exchange/v1/messages", {"epoch": 1, "messages": [second]}, "messages"
    )
    assert answer["outcomes"][0]["outcome"] == "held"
    await both.settle()
    assert [ours.outbox.entries[message["id"]].state for message in (first, second)] == ["rejected", "rejected"]
    assert "outcome" in ours.told
    assert theirs.inbox.highest["lane"] == 2


async def test_a_request_nobody_could_answer_is_still_answered_with_a_signature():
    both = await onboarded()
    _, ours = ends(both)
    with pytest.raises(Refused) as caught:
        await both.consumer.on_connection(ours, "POST", "/exchange/v1/nowhere", {}, "nowhere")
    assert (caught.value.status, caught.value.code) == (404, "not_found")


async def test_only_a_signed_goodbye_stops_the_sender():
    both = await onboarded()
    theirs, ours = ends(both)
    ours.book.share(state="New")
    both.line.down = {PROVIDER}
    assert await both.consumer.push(ours) == "unreachable"
    both.line.down = set()
    theirs.closed = "us"
    assert await both.consumer.push(ours) == "connection_closed"
    assert await both.consumer.push(ours) == "nothing"


async def test_a_message_the_peer_dislikes_is_withdrawn_and_its_lane_goes_on():
    both = await onboarded()
    theirs, ours = ends(both)
    theirs.dislikes = lambda message: message["data"].get("bad") is True
    messages = [ours.outbox.enqueue("lane", "unheard.of", {"bad": number == 1}) for number in range(3)]
    await both.settle()
    assert [ours.outbox.entries[one["id"]].problem["code"] for one in messages] == [
        "unsupported_type", "voided", "unsupported_type"
    ]  # fmt: skip
    assert theirs.inbox.highest["lane"] == 3


async def test_a_peer_that_dislikes_everything_makes_nobody_withdraw_anything():
    both = await onboarded()
    theirs, ours = ends(both)
    theirs.dislikes = lambda _message: True
    message = ours.outbox.enqueue("lane", "unheard.of", {})
    for _ in range(4):
        assert await both.consumer.push(ours) == "too_large"
    theirs.dislikes = lambda _message: False
    await both.settle()
    assert ours.outbox.entries[message["id"]].problem["code"] == "unsupported_type"


async def test_a_void_of_what_arrived_changes_nothing():
    both = await onboarded()
    theirs, ours = ends(both)
    message = ours.outbox.enqueue("lane", "unheard.of", {})
    await both.settle()
    void = {**message, "type": "void", "subject": "", "data": {"type": "unheard.of", "code": "too_large", "detail": ""}}
    assert theirs.inbox.receive(void) == {"id": message["id"], "outcome": "duplicate", "stored": "rejected"}
    assert theirs.inbox.receive(void | {"id": wire.new_id(1)})["outcome"] == "conflict"
    assert theirs.inbox.receive(void | {"sequence": 2})["outcome"] == "conflict"
