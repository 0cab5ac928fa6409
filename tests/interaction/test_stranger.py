"""Our services against the independent implementation of the other side: honest, and lying in every way it knows."""

from itertools import count

import httpx
import pytest

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
from tests.peer.connection import MESSAGES
from tests.peer.instance import Refused
from tests.peer.wire import PeerLied, Problem

pytestmark = pytest.mark.anyio

BOTH_WAYS = pytest.mark.parametrize("delivery", ["push", "pull"])
_texts = count(1)


def no_fault_of_ours(world: World, ours: str) -> None:
    """Nothing the stranger did brought a 5xx out of our service."""
    faults = [(call.name, call.status) for call in world.wire.calls if call.origin == ours and (call.status or 0) > 499]
    assert faults == []


@pytest.mark.requirement("third_party")
@BOTH_WAYS
async def test_a_strange_consumer_onboards_and_exchanges_with_our_provider(invited: World, delivery: str):
    peer = strange_consumer(invited, delivery)
    end = (await onboard_at_ours(invited, peer)).connection
    assert end is not None
    await settle_with_ours(invited, peer, end)
    assert (await invited.registration())["state"] == "Closed Complete"
    bond = end.book.share(short_description="from the stranger", state="New")
    await invited.provider.share("from us")
    await settle_with_ours(invited, peer, end)
    assert await invited.provider.texts() == ["from the stranger", "from us"]
    assert [one.fields["short_description"] for one in end.book.records.values()] == ["from the stranger", "from us"]
    end.book.change(bond, short_description="changed")
    await settle_with_ours(invited, peer, end)
    assert await invited.provider.texts() == ["changed", "from us"]
    assert (await peer.beat(end))["state"] == "Active"
    no_fault_of_ours(invited, invited.provider.issuer)


@pytest.mark.requirement("third_party")
@BOTH_WAYS
async def test_a_strange_provider_onboards_and_exchanges_with_our_consumer(invited: World, delivery: str):
    peer = strange_provider(invited)
    registration = await take_up_at_ours(invited, peer, delivery)
    await invited.connect()
    await approve_at_ours(invited, peer, registration)
    await settle_with_strange(invited, peer)
    assert (registration.state, (await invited.taken_up())["state"]) == ("Closed Complete", "Onboarded")
    end = registration.connection
    end.book.share(short_description="from the stranger", state="New")
    await invited.consumer.share("from us")
    await settle_with_strange(invited, peer)
    assert await invited.consumer.texts() == ["from the stranger", "from us"]
    assert sorted(one.fields["short_description"] for one in end.book.records.values()) == [
        "from the stranger",
        "from us",
    ]
    no_fault_of_ours(invited, invited.consumer.issuer)


@pytest.mark.requirement("third_party.goodbye")
@BOTH_WAYS
async def test_a_goodbye_of_ours_reaches_a_strange_consumer(invited: World, delivery: str):
    peer = strange_consumer(invited, delivery)
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    await invited.provider.api("POST", f"connections/{end.id}/disconnect", {"reason": "over"})
    await invited.provider.turn()
    if delivery == "pull":
        assert await peer.pull(end) == 1
    assert end.closed is not None
    end.closed = None
    with pytest.raises(Refused) as caught:
        await peer.beat(end)
    assert (caught.value.status, caught.value.code) == (410, "connection_closed")


# What a lying consumer tells our provider in its requests.

FALSE_MESSAGES = [
    ("wrong_signature", 401, "signature_invalid"),
    ("unsigned", 401, "signature_missing"),
    ("wrong_content_digest", 401, "digest_mismatch"),
    ("other_body", 401, "digest_mismatch"),
    ("two_signatures", 401, "signature_tag"),
    ("other_tag", 401, "signature_tag"),
    ("unknown_key", 401, "key_unknown"),
    ("long_life", 401, "signature_parameters"),
    ("old_signature", 401, "signature_too_old"),
    ("future_signature", 401, "signature_from_future"),
    ("no_connection_header", 401, "signature_coverage"),
    ("duplicate_member", 400, "malformed"),
    ("gzip_body", 415, "content_encoding"),
    ("old_epoch", 422, "invalid"),
]


@pytest.mark.requirement("third_party.lies")
async def test_every_false_request_of_a_consumer_is_refused_on_its_rung(invited: World):
    peer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    message = end.outbox.enqueue("lane", "incident", {})
    found = []
    for lie, _, _ in FALSE_MESSAGES:
        peer.lies.commit(lie, at="messages", on="request")
        with pytest.raises((PeerLied, Refused)):
            await peer.on_connection(end, "POST", MESSAGES, {"epoch": 1, "messages": [message]}, "messages")
        call = invited.wire.seen(f"POST {MESSAGES}")[-1]
        found.append((lie, call.status, call.code))
    assert found == FALSE_MESSAGES
    answer = await peer.on_connection(end, "POST", MESSAGES, {"epoch": 1, "messages": [message]}, "messages")
    assert answer["outcomes"][0]["outcome"] == "rejected"


@pytest.mark.requirement("epoch.old")
async def test_an_epoch_lower_than_seen_before_is_refused(invited: World):
    peer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    peer.epoch = 3
    await peer.beat(end)
    peer.epoch = 2
    with pytest.raises(Refused) as caught:
        await peer.beat(end)
    assert (caught.value.status, caught.value.code) == (409, "epoch_old")


FALSE_STEPS = [
    ("announcement", "other_issuer", 409, "peer_identity_mismatch"),
    ("announcement", "other_instance_id", 409, "peer_identity_mismatch"),
    ("announcement", "other_identity_key", 409, "peer_identity_mismatch"),
    ("announcement", "expired_key_set", 401, "key_set_expired"),
    ("announcement", "wrong_kid", 401, "key_set_malformed"),
    ("announcement", "duplicate_member", 400, "malformed"),
    ("reveal", "other_nonce", 409, "commitment_mismatch"),
    ("reveal", "two_idempotency_keys", 400, "duplicate_header"),
    ("reveal", "unknown_key", 401, "key_unknown"),
    ("authorization", "other_client_id", 409, "client_mismatch"),
    ("authorization", "other_redirect", 409, "redirect_mismatch"),
    ("completion", "other_verifier", 409, "verifier_mismatch"),
    ("completion", "other_redirect", 409, "redirect_mismatch"),
    ("completion", "wrong_signature", 401, "signature_invalid"),
]


@pytest.mark.requirement("third_party.lies")
async def test_every_lie_in_the_handshake_is_refused_and_the_truth_still_gets_through(invited: World):
    peer = strange_consumer(invited)
    found = []
    for step, lie, _, _ in FALSE_STEPS:
        peer.lies.commit(lie, at=step, on="request")
        with pytest.raises((PeerLied, Problem)):
            await onboard_at_ours(invited, peer)
        call = invited.wire.seen(f"POST /exchange/v1/registrations/.*/{step}")[-1]
        found.append((step, lie, call.status, call.code))
        assert await invited.provider.items("connections") == []
    assert found == FALSE_STEPS
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    assert (await invited.registration())["state"] == "Closed Complete"


@pytest.mark.requirement("comparison.attempts")
async def test_a_pull_consumer_that_confirms_another_code_gets_no_connection(invited: World):
    peer = strange_consumer(invited, "pull")
    peer.lies.commit("other_comparison_code", at="completion", on="request")
    with pytest.raises(Refused) as caught:
        await onboard_at_ours(invited, peer)
    assert caught.value.code == "comparison_failed"
    assert await invited.provider.items("connections") == []


@pytest.mark.requirement("registration.bound")
async def test_a_second_instance_cannot_take_a_bound_registration(invited: World):
    first, second = strange_consumer(invited, "pull"), strange_consumer(invited, "pull")
    await first.announce(await first.validate(invited.known["link"]))
    with pytest.raises(Refused) as caught:
        await second.announce(await second.validate(invited.known["link"]))
    assert (caught.value.status, caught.value.code) == (409, "registration_bound")


@pytest.mark.requirement("third_party.lies")
async def test_a_discovery_that_lies_makes_the_announcement_of_a_push_consumer_fail(invited: World):
    peer = strange_consumer(invited)
    lies = ["other_identity_key", "other_issuer", "other_instance_id", "expired_key_set", "unsigned", "redirect"]
    codes = []
    for lie in lies:
        peer.lies.commit(lie, at="discovery")
        with pytest.raises(Refused) as caught:
            await onboard_at_ours(invited, peer)
        codes.append(caught.value.code)
    assert codes == ["peer_identity_mismatch"] * 3 + ["peer_unreachable"] * 3
    assert (await invited.registration())["state"] == "Open"


# What a lying receiver answers to our messages.

FALSE_ANSWERS = [
    "wrong_signature",
    "unsigned",
    "wrong_content_digest",
    "other_body",
    "two_signatures",
    "unknown_key",
    "other_tag",
    "replayed_nonce",
    "duplicate_member",
    "redirect",
    "huge_body",
    "slow_body",
    "gzip_body",
    "no_content",
    "ok_with_problem",
    "unsigned_410",
    "outcome_for_unknown_id",
    "wrong_outcome_order",
    "missing_outcome",
    "old_epoch",
]


async def _lied_to(world: World, side: str, lies: object, lie: str) -> None:
    """Two messages of ours, of one lane, get a false answer, which settles nothing, and later an honest one."""
    ours = getattr(world, side)
    ours.context.peers._timeout = 0.2 if lie == "slow_body" else 10.0
    shared = await ours.share(f"text {next(_texts)}")
    await ours.api("POST", f"incidents/{shared['id']}/comments", {"text": lie})
    lies.commit(lie, at="messages")  # type: ignore[attr-defined]
    await ours.worker.delivery.deliver_due()
    found = await ours.connection()
    assert (lie, found["state"], found["queued"]) == (lie, "Active", 2)
    assert lies.told[-1] == lie  # type: ignore[attr-defined]
    world.clock.forward(3700)
    await ours.worker.delivery.deliver_due()
    assert (lie, (await ours.connection())["queued"]) == (lie, 0)


@pytest.mark.requirement("messages.verdict")
async def test_a_false_answer_to_our_provider_is_no_verdict_and_the_message_arrives_once(invited: World):
    peer = strange_consumer(invited)
    end = (await onboard_at_ours(invited, peer)).connection
    await settle_with_ours(invited, peer, end)
    for lie in FALSE_ANSWERS:
        await _lied_to(invited, "provider", peer.lies, lie)
    records = end.book.records.values()
    assert sorted(one.fields["short_description"] for one in records) == await invited.provider.texts()
    assert [said["text"] for one in records for said in one.comments.values()] == FALSE_ANSWERS
    assert (await invited.provider.connection())["state"] == "Active"


@pytest.mark.requirement("messages.verdict")
async def test_a_false_answer_to_our_consumer_is_no_verdict_and_the_message_arrives_once(invited: World):
    peer = strange_provider(invited)
    registration = await take_up_at_ours(invited, peer)
    await invited.connect()
    await approve_at_ours(invited, peer, registration)
    await settle_with_strange(invited, peer)
    for lie in FALSE_ANSWERS:
        await _lied_to(invited, "consumer", peer.lies, lie)
    records = registration.connection.book.records.values()
    assert sorted(one.fields["short_description"] for one in records) == await invited.consumer.texts()
    assert [said["text"] for one in records for said in one.comments.values()] == FALSE_ANSWERS


# What a lying provider answers in the handshake.


@pytest.mark.requirement("third_party.lies")
async def test_a_provider_whose_discovery_lies_fails_the_scan_until_it_tells_the_truth(invited: World):
    peer = strange_provider(invited)
    invited.known["link"] = peer.link(peer.mint(invited.consumer.issuer))
    lies = [
        "other_identity_key",
        "expired_key_set",
        "wrong_kid",
        "other_issuer",
        "other_instance_id",
        "unknown_key",
        "unsigned",
        "replayed_nonce",
        "redirect",
    ]
    peer.lies.commit(lies[0], at="discovery")
    assert (await invited.take_up())["state"] == "Validation Failed"
    for lie in lies[1:]:
        peer.lies.commit(lie, at="discovery")
        invited.clock.forward(61)
        await invited.consumer.worker.beat()
        await invited.consumer.worker.scan()
        assert (lie, (await invited.taken_up())["state"]) == (lie, "Validation Failed")
    assert peer.lies.told == lies
    invited.clock.forward(61)
    await invited.consumer.worker.beat()
    await invited.consumer.worker.scan()
    assert (await invited.taken_up())["state"] == "Validated"


NEVER_BELIEVED = [
    "wrong_signature",
    "unsigned",
    "other_body",
    "two_signatures",
    "unknown_key",
    "replayed_nonce",
    "duplicate_member",
    "redirect",
    "huge_body",
    "gzip_body",
    "no_content",
    "ok_with_problem",
    "unsigned_410",
]


@pytest.mark.requirement("third_party.lies")
@pytest.mark.parametrize("step", ["announcement", "reveal", "authorization"])
async def test_a_false_answer_in_the_handshake_is_not_believed_and_a_true_one_still_is(invited: World, step: str):
    peer = strange_provider(invited)
    registration = await take_up_at_ours(invited, peer)
    for lie in NEVER_BELIEVED:
        peer.lies.commit(lie, at=step)
        with pytest.raises(Refusal):
            await invited.connect()
        assert (lie, (await invited.taken_up())["state"]) == (lie, "Validated")
    await invited.connect()
    await approve_at_ours(invited, peer, registration)
    await settle_with_strange(invited, peer)
    assert (await invited.taken_up())["state"] == "Onboarded"


@pytest.mark.requirement("handshake.resume")
async def test_a_false_answer_to_the_completion_is_asked_again_until_a_true_one_comes(invited: World):
    peer = strange_provider(invited)
    registration = await take_up_at_ours(invited, peer)
    await invited.connect()
    await approve_at_ours(invited, peer, registration)
    for lie in NEVER_BELIEVED[:8]:
        peer.lies.commit(lie, at="completion")
        await invited.consumer.worker.handshakes()
        assert await invited.consumer.items("connections") == []
        invited.clock.forward(6)
    assert peer.lies.told == NEVER_BELIEVED[:8]
    await settle_with_strange(invited, peer)
    assert (await invited.taken_up())["state"] == "Onboarded"
    assert len(peer.connections) == 1


@pytest.mark.requirement("callback.binding")
@pytest.mark.parametrize("lie", ["wrong_iss", "no_iss", "wrong_state"])
async def test_a_redirect_of_a_lying_provider_is_not_followed_up(invited: World, lie: str):
    peer = strange_provider(invited)
    registration = await take_up_at_ours(invited, peer)
    await invited.connect()
    peer.lies.commit(lie, at="redirect", on="redirect")
    request_uri = dict(httpx.URL(invited.known["authorize_url"]).params)["request_uri"]
    with pytest.raises(Exception, match=r"another provider|no attempt"):
        await invited.come_back(peer.allow(request_uri, registration.contact))
    await invited.consumer.worker.handshakes()
    assert peer.connections == {}


@pytest.mark.requirement("third_party.lies")
async def test_every_false_request_of_a_provider_is_refused_on_its_rung(invited: World):
    peer = strange_provider(invited)
    registration = await take_up_at_ours(invited, peer)
    await invited.connect()
    await approve_at_ours(invited, peer, registration)
    await settle_with_strange(invited, peer)
    end = registration.connection
    message = end.outbox.enqueue("lane", "incident", {})
    found = []
    for lie, _, _ in FALSE_MESSAGES:
        peer.lies.commit(lie, at="messages", on="request")
        with pytest.raises((PeerLied, Refused)):
            await peer.on_connection(end, "POST", MESSAGES, {"epoch": 1, "messages": [message]}, "messages")
        call = invited.wire.seen(f"POST {MESSAGES}")[-1]
        found.append((lie, call.status, call.code))
    assert found == FALSE_MESSAGES
    peer.lies.commit("lower_key_set_sequence", at="keys", on="request")
    with pytest.raises(Refused) as caught:
        await peer.tell_keys(end)
    assert caught.value.code in {"key_set_sequence", "key_set_malformed"}
