"""Each named lie, told by one side of the peer, is found out by its honest other side."""

from dataclasses import replace

import httpx
import pytest

from tests.peer import instance, signing, wire
from tests.peer.crypto import Key, KeyRing, make_statement, read_key_set
from tests.peer.instance import Refused
from tests.peer.lies import CATALOGUE
from tests.peer.network import CONSUMER, PROVIDER, ends, onboarded, pair
from tests.peer.wire import PeerLied, Problem

pytestmark = pytest.mark.anyio

# Lies in answers: what an honest caller finds out.

BELIEVED_NEVER = [
    ("wrong_signature", "signature_invalid"),
    ("unsigned", "signature_missing"),
    ("wrong_content_digest", "digest_mismatch"),
    ("other_body", "digest_mismatch"),
    ("two_signatures", "signature_tag"),
    ("unknown_key", "key_unknown"),
    ("other_tag", "signature_tag"),
    ("replayed_nonce", "nonce_not_echoed"),
    ("duplicate_member", "malformed"),
    ("redirect", "redirect"),
    ("huge_body", "huge"),
    ("slow_body", "slow"),
    ("gzip_body", "encoding"),
    ("no_content", "no_body"),
    ("ok_with_problem", "content_type"),
    ("unsigned_410", "signature_missing"),
]


@pytest.mark.parametrize(("lie", "why"), BELIEVED_NEVER)
async def test_a_false_answer_to_messages_is_no_verdict(lie, why):
    both = await onboarded()
    theirs, ours = ends(both)
    ours.book.share(state="New")
    both.consumer.patience = 0.05 if lie == "slow_body" else 5.0
    both.provider.lies.commit(lie, at="messages")
    assert await both.consumer.push(ours) == why
    assert both.provider.lies.told == [lie]
    assert ours.closed is None
    assert ours.outbox.waiting()
    await both.settle()
    assert len(theirs.inbox.applied) == 2


@pytest.mark.parametrize("lie", ["outcome_for_unknown_id", "wrong_outcome_order", "missing_outcome"])
async def test_outcomes_that_do_not_fit_are_no_verdict(lie):
    both = await onboarded()
    _, ours = ends(both)
    ours.book.share(state="New")
    ours.book.share(state="New")
    both.provider.lies.commit(lie, at="messages")
    assert await both.consumer.push(ours) == "outcomes"
    assert len(ours.outbox.waiting()) == 2


async def test_an_answer_of_an_old_epoch_is_no_verdict():
    both = await onboarded()
    _, ours = ends(both)
    ours.book.share(state="New")
    both.provider.lies.commit("old_epoch", at="messages")
    assert await both.consumer.push(ours) == "epoch_old"
    assert ours.outbox.waiting()


async def test_an_outcome_for_what_was_not_given_out_settles_nothing():
    both = await onboarded("pull")
    theirs, ours = ends(both)
    theirs.book.share(state="New")
    both.consumer.lies.commit("outcome_for_unknown_id", at="outcomes", on="request")
    assert await both.consumer.pull(ours) == 1
    assert theirs.outbox.waiting()
    both.consumer.lies.commit("missing_outcome", at="outcomes", on="request")
    with pytest.raises(Refused) as caught:
        await both.consumer.pull(ours)
    assert caught.value.code == "invalid"
    assert theirs.outbox.waiting()


@pytest.mark.parametrize(
    ("lie", "why"),
    [
        ("other_identity_key", "identity"),
        ("expired_key_set", "expired"),
        ("wrong_kid", "kid"),
        ("other_issuer", "issuer"),
        ("other_instance_id", "instance_id"),
        ("unknown_key", "key_unknown"),
        ("unsigned", "signature_missing"),
        ("replayed_nonce", "nonce_not_echoed"),
        ("redirect", "redirect"),
    ],
)
async def test_a_discovery_that_does_not_hold_ends_the_validation(lie, why):
    both = pair()
    both.provider.lies.commit(lie, at="discovery")
    with pytest.raises((PeerLied, Problem)) as caught:
        await both.consumer.validate(both.provider.link(both.provider.mint(CONSUMER)))
    found = caught.value
    assert (found.why if isinstance(found, PeerLied) else found.extra["rule"]) == why


async def test_a_key_set_with_a_lower_sequence_is_refused():
    both = await onboarded()
    _, ours = ends(both)
    both.consumer.lies.commit("lower_key_set_sequence", at="keys", on="request")
    with pytest.raises(Refused) as caught:
        await both.consumer.tell_keys(ours)
    assert caught.value.code == "key_set_sequence"
    both.provider.lies.commit("lower_key_set_sequence", at="discovery")
    with pytest.raises(Problem) as found:
        await both.consumer.discover(PROVIDER, pinned=ours.keys.identity, previous=ours.keys)
    assert found.value.extra["rule"] == "sequence"


def test_a_key_set_of_the_same_sequence_with_other_keys_is_refused():
    ring = KeyRing()
    first = read_key_set(make_statement(ring.active("identity"), ring.payload(PROVIDER, "i", 1)), now=1)
    ring.keys.append(Key.new("http"))
    with pytest.raises(Problem) as caught:
        read_key_set(make_statement(ring.active("identity"), ring.payload(PROVIDER, "i", 1)), now=1, previous=first)
    assert caught.value.extra["rule"] == "content"


@pytest.mark.parametrize(("lie", "why"), [("wrong_iss", "iss"), ("no_iss", "iss"), ("wrong_state", "state")])
async def test_a_redirect_that_does_not_fit_is_not_followed_up(lie, why):
    both = pair()
    both.provider.lies.commit(lie, at="redirect", on="redirect")
    with pytest.raises(PeerLied) as caught:
        await both.onboard()
    assert caught.value.why == why
    assert both.consumer.connections == {}


# Lies in requests: what an honest receiver refuses.

REFUSED_ALWAYS = [
    ("wrong_signature", 401, "signature_invalid"),
    ("unsigned", 401, "signature_missing"),
    ("wrong_content_digest", 401, "digest_mismatch"),
    ("other_body", 401, "digest_mismatch"),
    ("two_signatures", 401, "signature_tag"),
    ("unknown_key", 401, "key_unknown"),
    ("long_life", 401, "signature_parameters"),
    ("old_signature", 401, "signature_too_old"),
    ("future_signature", 401, "signature_from_future"),
    ("no_connection_header", 401, "signature_coverage"),
    ("duplicate_member", 400, "malformed"),
    ("gzip_body", 415, "content_encoding"),
    ("old_epoch", 409, "epoch_old"),
]


@pytest.mark.parametrize(("lie", "status", "code"), REFUSED_ALWAYS)
async def test_a_false_request_is_refused_with_the_code_of_its_rung(lie, status, code):
    both = await onboarded()
    theirs, ours = ends(both)
    message = ours.outbox.enqueue("lane", "incident", {})
    both.consumer.lies.commit(lie, at="messages", on="request")
    document = {"epoch": 1, "messages": [message]}
    expected = (PeerLied, Refused)
    with pytest.raises(expected) as caught:
        await both.consumer.on_connection(ours, "POST", "/exchange/v1/messages", document, "messages")
    assert both.provider.received[-1] == ("messages", code)
    assert "lane" not in theirs.inbox.highest
    if isinstance(caught.value, Refused):
        assert (caught.value.status, caught.value.code) == (status, code)


async def test_a_request_sent_twice_byte_by_byte_is_refused():
    both = await onboarded()
    _, ours = ends(both)
    message = ours.outbox.enqueue("lane", "incident", {})
    body = wire.encode({"epoch": 1, "messages": [message]})
    headers = [(signing.CONNECTION, ours.id)]
    request = signing.Request("POST", f"{PROVIDER}/exchange/v1/messages", headers, body)
    signed = signing.sign_request(request, both.consumer.stamp())
    answers = [await both.consumer.send(PROVIDER, signed) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 401]
    with pytest.raises(Refused) as caught:
        instance.believe_form(answers[1])
    assert caught.value.code == "nonce_seen"


@pytest.mark.parametrize(
    ("step", "lie", "code"),
    [
        ("announcement", "other_issuer", "peer_identity_mismatch"),
        ("announcement", "other_instance_id", "peer_identity_mismatch"),
        ("announcement", "other_identity_key", "peer_identity_mismatch"),
        ("announcement", "expired_key_set", "key_set_expired"),
        ("announcement", "duplicate_member", "malformed"),
        ("reveal", "other_nonce", "commitment_mismatch"),
        ("reveal", "two_idempotency_keys", "duplicate_header"),
        ("authorization", "other_client_id", "client_mismatch"),
        ("authorization", "other_redirect", "redirect_mismatch"),
        ("completion", "other_verifier", "verifier_mismatch"),
        ("completion", "other_redirect", "redirect_mismatch"),
    ],
)
async def test_a_lie_in_the_handshake_is_refused(step, lie, code):
    both = pair()
    both.consumer.lies.commit(lie, at=step, on="request")
    with pytest.raises((Refused, PeerLied)):
        await both.onboard()
    assert both.provider.received[-1] == (step, code)
    assert both.provider.connections == {}


async def test_a_pull_consumer_with_another_comparison_code_is_refused():
    both = pair("pull")
    both.consumer.lies.commit("other_comparison_code", at="completion", on="request")
    with pytest.raises(Refused) as caught:
        await both.onboard()
    assert caught.value.code == "comparison_failed"


async def test_a_second_instance_cannot_take_a_bound_registration():
    both, other = pair("pull"), pair("pull")
    registration = both.provider.mint(CONSUMER)
    await both.consumer.announce(await both.consumer.validate(both.provider.link(registration)))
    other.consumer.client = both.client
    handshake = await other.consumer.validate(both.provider.link(registration))
    with pytest.raises(Refused) as caught:
        await other.consumer.announce(handshake)
    assert (caught.value.status, caught.value.code) == (409, "registration_bound")


async def test_a_code_is_good_for_one_connection():
    both = await onboarded()
    second = both.provider.mint(CONSUMER)
    both.consumer.lies.commit("code_reuse", at="completion", on="request")

    async def browser(url, _code):
        return both.provider.allow(dict(httpx.URL(url).params)["request_uri"], second.contact)

    with pytest.raises(Refused) as caught:
        await both.consumer.onboard(both.provider.link(second), browser)
    assert caught.value.code == "code_invalid"
    assert len(both.provider.connections) == 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"exp": 1_759_999_999, "iat": 1_759_000_000}, "token_expired"),
        ({"aud": "https://elsewhere.example"}, "token_wrong_host"),
        ({"sub": "REG0000009"}, "registration_unknown"),
    ],
)
async def test_a_token_that_does_not_hold_is_refused(change, code):
    both = pair()
    good = await both.consumer.validate(both.provider.link(both.provider.mint(CONSUMER)))
    bad = both.provider.mint(CONSUMER, **change)
    handshake = replace(good, token=bad.token, number=change.get("sub", bad.number))
    with pytest.raises(Refused) as caught:
        await both.consumer.announce(handshake)
    assert caught.value.code == code


@pytest.mark.parametrize(("lie", "outcome"), [("sequence_gap", "held"), ("other_content", "conflict")])
async def test_messages_that_lie_about_their_place_do_not_get_applied(lie, outcome):
    both = await onboarded()
    theirs, ours = ends(both)
    message = ours.outbox.enqueue("lane", "incident", {})
    if lie == "other_content":
        assert await both.consumer.push(ours) == "settled"
    both.consumer.lies.commit(lie, at="messages", on="request")
    answer = await both.consumer.on_connection(
        ours, "POST", "/exchange/v1/messages", {"epoch": 1, "messages": [message]}, "messages"
    )
    assert answer["outcomes"][0]["outcome"] == outcome
    assert message["id"] not in theirs.inbox.applied


async def test_the_echo_is_signed():
    both = await onboarded()
    _, ours = ends(both)
    found = await both.consumer.ask_echo(PROVIDER, ours.keys)
    assert found["time"] == int(both.clock() * 1000)
    both.provider.lies.commit("unsigned", at="echo")
    with pytest.raises(PeerLied):
        await both.consumer.ask_echo(PROVIDER, ours.keys)


def test_every_lie_of_the_catalogue_has_a_way_to_be_told():
    assert len(CATALOGUE) > 50
    assert all(lie.before or lie.after for lie in CATALOGUE.values())
