"""The sender's half: queue, claim, settle, fail, split."""

import json

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from shared.delivery import claims, figures, outbox, peers
from shared.delivery.claims import ClaimLimits
from shared.delivery.quotas import EXCEEDED
from shared.delivery.settling import UNANSWERED_PAUSE_MS
from shared.wire.errors import Gone, Invalid, NotFound
from shared.wire.messages import Message, Outcome
from shared.wire.problems import Problem
from shared.wire.states import DeliveryMode, OutcomeKind
from tests.shared.delivery.words import NOW, OTHER_PEER, PEER, REFUSED, queue, take, verdicts

DOWN = Problem(code="unreachable", status=503, title="Down")


def _middle() -> float:
    return 0.5


def test_a_queued_message_is_the_finished_text_of_the_wire(session: Session) -> None:
    message_id = outbox.enqueue(
        session,
        connection_id=PEER,
        lane="incident.1",
        type="note",
        subject='"é" 件名',
        data_json='{"a":[1,null]}',
        now_ms=NOW,
    )
    message = Message.model_validate(json.loads(take(session).items[0].body))
    assert message.id == message_id
    assert (message.lane, message.sequence, message.type) == ("incident.1", 1, "note")
    assert (message.subject, message.data, message.time) == ('"é" 件名', {"a": [1, None]}, "2027-01-15T08:00:00.000Z")


def test_sequences_count_per_lane_and_positions_per_channel(session: Session) -> None:
    queue(session, "a", "b", "a")
    queue(session, "c", "a")
    assert [(m.lane, m.sequence, m.position) for m in take(session).items] == [
        ("a", 1, 1), ("b", 1, 2), ("a", 2, 3), ("c", 1, 4), ("a", 3, 5)
    ]  # fmt: skip


def test_ids_come_back_in_the_order_of_the_drafts_whatever_the_channels(session: Session) -> None:
    peers.register(session, OTHER_PEER, DeliveryMode.PUSH, channel_count=4)
    lanes = [f"lane.{number}" for number in range(20)]
    ids = queue(session, *lanes, peer=OTHER_PEER)
    seen = {}
    while (claim := outbox.claim(session, now_ms=NOW, connection_id=OTHER_PEER)) is not None:
        seen.update({item.id: item.lane for item in claim.items})
    assert [seen[message_id] for message_id in ids] == lanes


def test_queueing_nothing_changes_nothing(session: Session) -> None:
    assert queue(session) == []
    assert figures.depth(session, PEER) == 0


@pytest.mark.parametrize("lane", ["", "a b", "x" * 81, "a\n", "ä"])
def test_a_lane_with_another_name_is_refused(session: Session, lane: str) -> None:
    with pytest.raises(Invalid) as refusal:
        queue(session, lane)
    assert refusal.value.code == "lane_invalid"


def test_an_unknown_connection_cannot_queue(session: Session) -> None:
    with pytest.raises(NotFound) as refusal:
        queue(session, "a", peer=OTHER_PEER)
    assert refusal.value.code == "connection_unknown"


def test_a_closed_connection_neither_queues_nor_sends_until_it_is_reopened(session: Session) -> None:
    queue(session, "a")
    outbox.close(session, PEER, DOWN)
    with pytest.raises(Gone) as refusal:
        queue(session, "a")
    assert refusal.value.code == "connection_closed"
    assert outbox.claim(session, now_ms=NOW) is None
    peers.reopen(session, PEER)
    assert take(session)


def test_a_paused_peer_is_passed_over_and_its_queue_kept(session: Session) -> None:
    queue(session, "a")
    outbox.pause(session, PEER)
    assert outbox.claim(session, now_ms=NOW) is None
    outbox.resume(session, PEER)
    assert len(take(session).items) == 1


def test_pull_peers_are_claimed_only_by_name_and_mode(session: Session) -> None:
    peers.register(session, PEER, DeliveryMode.PULL)
    queue(session, "a")
    assert outbox.claim(session, now_ms=NOW) is None
    assert outbox.claim(session, now_ms=NOW, mode="pull", connection_id=OTHER_PEER) is None
    claim = take(session, mode="pull", connection_id=PEER)
    found = outbox.leased(session, PEER, claim.lease_token)
    assert found is not None
    assert [item.id for item in found.items] == [item.id for item in claim.items]
    outbox.settle(session, found, verdicts(claim), NOW)
    assert outbox.leased(session, PEER, claim.lease_token) is None


def test_a_leased_channel_is_not_claimed_again_until_the_lease_lapses(session: Session) -> None:
    queue(session, "a")
    first = take(session, lease_ms=60_000)
    assert outbox.claim(session, now_ms=NOW + 59_999) is None
    again = take(session, NOW + 60_000)
    assert [item.id for item in again.items] == [item.id for item in first.items]
    assert again.lease_token != first.lease_token


def test_what_a_dead_sender_had_leased_is_due_at_once_when_it_starts_again(session: Session) -> None:
    queue(session, "a")
    lost = take(session, lease_ms=60_000)
    claims.release_all(session, NOW + 1)
    again = take(session, NOW + 1)
    assert [item.id for item in again.items] == [item.id for item in lost.items]


def test_a_start_leaves_a_pulling_peer_its_lease(session: Session) -> None:
    queue(session, "a")
    peers.register(session, PEER, DeliveryMode.PULL)
    held = outbox.claim(session, now_ms=NOW, mode=DeliveryMode.PULL)
    assert held is not None
    claims.release_all(session, NOW + 1)
    assert outbox.leased(session, PEER, held.lease_token) is not None


def test_a_batch_ends_at_the_count_and_at_the_octets(session: Session) -> None:
    queue(session, "a", "a", "a")
    size = len(take(session, limit=1, lease_ms=0).items[0].body)
    assert len(take(session, limit=2, lease_ms=0).items) == 2
    assert len(take(session, max_bytes=2 * size + 1, lease_ms=0).items) == 2
    assert len(take(session, max_bytes=2 * size, lease_ms=0).items) == 1
    assert len(take(session, max_bytes=1, lease_ms=0).items) == 1


def test_sizes_are_octets_not_characters(session: Session) -> None:
    queue(session, "a", "a", data='{"text":"' + "件" * 100 + '"}')
    body = take(session, limit=1, lease_ms=0).items[0].body
    assert len(take(session, max_bytes=2 * len(body) + 1, lease_ms=0).items) == 1


def test_settled_messages_leave_the_queue_and_tell_what_became_of_them(session: Session) -> None:
    queue(session, "a", "b", "c", "d", "e")
    claim = take(session)
    kinds = [OutcomeKind.APPLIED, OutcomeKind.REJECTED, OutcomeKind.HELD, OutcomeKind.CONFLICT, OutcomeKind.APPLIED]
    outcomes = [
        Outcome(id=item.id, outcome=kind, problem=REFUSED if kind is OutcomeKind.REJECTED else None)
        for item, kind in zip(claim.items, kinds, strict=True)
    ]
    settled = outbox.settle(session, claim, outcomes, NOW)
    assert [message.outcome for message in settled] == kinds
    assert settled[1].problem == REFUSED
    assert (settled[0].type, settled[0].subject) == ("note", "INC0000001")
    assert figures.depth(session, PEER) == 0
    assert outbox.claim(session, now_ms=NOW) is None


@pytest.mark.parametrize(
    ("stored", "meaning"),
    [
        (None, OutcomeKind.APPLIED),
        (OutcomeKind.APPLIED, OutcomeKind.APPLIED),
        (OutcomeKind.REJECTED, OutcomeKind.REJECTED),
        (OutcomeKind.HELD, OutcomeKind.HELD),
        (OutcomeKind.DEFERRED, OutcomeKind.APPLIED),
    ],
)
def test_a_duplicate_means_what_came_of_it_the_first_time(
    session: Session, stored: OutcomeKind | None, meaning: OutcomeKind
) -> None:
    queue(session, "a")
    claim = take(session)
    outcome = Outcome(id=claim.items[0].id, outcome=OutcomeKind.DUPLICATE, stored=stored)
    assert [m.outcome for m in outbox.settle(session, claim, [outcome], NOW)] == [meaning]


def test_a_message_without_a_verdict_stays_due(session: Session) -> None:
    queue(session, "a", "b")
    claim = take(session)
    assert outbox.settle(session, claim, verdicts(claim)[1:], NOW) == []
    assert figures.depth(session, PEER) == 2
    assert outbox.claim(session, now_ms=NOW + UNANSWERED_PAUSE_MS - 1) is None
    assert [item.lane for item in take(session, NOW + UNANSWERED_PAUSE_MS).items] == ["a", "b"]


def test_a_late_settlement_never_moves_backwards_and_leaves_the_new_lease_alone(session: Session) -> None:
    queue(session, "a", "b", "c")
    slow = take(session, limit=2, lease_ms=0)
    quick = take(session, limit=1)
    rejected = [Outcome(id=quick.items[0].id, outcome=OutcomeKind.REJECTED, problem=REFUSED)]
    assert [m.lane for m in outbox.settle(session, quick, rejected, NOW)] == ["a"]
    third = take(session, limit=1)
    assert [m.lane for m in outbox.settle(session, slow, verdicts(slow), NOW)] == ["b"]
    assert outbox.claim(session, now_ms=NOW) is None
    assert outbox.settle(session, third, verdicts(third), NOW) == []
    assert [item.lane for item in take(session).items] == ["c"]


def test_settling_twice_settles_once(session: Session) -> None:
    queue(session, "a")
    claim = take(session)
    assert len(outbox.settle(session, claim, verdicts(claim), NOW)) == 1
    assert outbox.settle(session, claim, verdicts(claim), NOW) == []
    queue(session, "a")
    assert [item.sequence for item in take(session).items] == [2]


def test_settling_and_claiming_on_is_one_step(session: Session) -> None:
    queue(session, "a", "b")
    claim = take(session, limit=1)
    settled, following = outbox.settle_and_claim(session, claim, verdicts(claim), NOW, ClaimLimits(limit=1))
    assert [m.lane for m in settled] == ["a"]
    assert following is not None
    assert [item.lane for item in following.items] == ["b"]
    assert outbox.settle_and_claim(session, following, verdicts(following), NOW, None)[1] is None


def test_a_held_message_gets_its_verdict_later_and_once(session: Session) -> None:
    (message_id,) = queue(session, "a")
    claim = take(session)
    assert outbox.settle_held(session, PEER, message_id, OutcomeKind.APPLIED, problem=None) is None
    outbox.settle(session, claim, verdicts(claim, OutcomeKind.HELD), NOW)
    late = outbox.settle_held(session, PEER, message_id, OutcomeKind.REJECTED, problem=REFUSED)
    assert late is not None
    assert (late.id, late.outcome, late.problem) == (message_id, OutcomeKind.REJECTED, REFUSED)
    assert outbox.settle_held(session, PEER, message_id, OutcomeKind.APPLIED, problem=None) is None
    assert outbox.settle_held(session, OTHER_PEER, message_id, OutcomeKind.APPLIED, problem=None) is None


def test_failures_back_off_by_the_schedule_and_count_attempts(session: Session) -> None:
    queue(session, "a")
    now = NOW
    for attempt, pause in enumerate([1_000, 5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 3_600_000]):
        claim = take(session, now)
        assert claim.items[0].attempts == attempt
        assert outbox.fail(session, claim, DOWN, now, random=_middle) == now + pause
        assert outbox.claim(session, now_ms=now + pause - 1) is None
        now += pause
    claim = take(session, now)
    outbox.settle(session, claim, verdicts(claim), now)
    queue(session, "a")
    assert outbox.fail(session, take(session, now), DOWN, now, random=_middle) == now + 1_000


def test_retry_after_is_honoured_up_to_an_hour(session: Session) -> None:
    queue(session, "a")
    assert outbox.fail(session, take(session), DOWN, NOW, 90) == NOW + 90_000
    assert outbox.fail(session, take(session, NOW + 90_000), DOWN, NOW + 90_000, 1e9) == NOW + 90_000 + 3_600_000


def test_failures_of_batches_in_flight_at_once_count_as_one(session: Session) -> None:
    peers.register(session, OTHER_PEER, DeliveryMode.PUSH, channel_count=4)
    queue(session, *[f"lane.{number}" for number in range(20)], peer=OTHER_PEER)
    claims = [take(session), take(session)]
    assert {claim.connection_id for claim in claims} == {OTHER_PEER}
    due = [outbox.fail(session, claim, DOWN, NOW, random=_middle) for claim in claims]
    assert due == [NOW + 1_000, NOW + 1_000]
    now_figures = figures.figures(session, OTHER_PEER, NOW)
    assert now_figures is not None
    assert now_figures.failures == 1
    assert now_figures.problem == DOWN


def test_an_answer_in_one_channel_ends_the_back_off_of_the_others(session: Session) -> None:
    peers.register(session, OTHER_PEER, DeliveryMode.PUSH, channel_count=2)
    queue(session, *[f"lane.{number}" for number in range(20)], peer=OTHER_PEER)
    failed, answered = take(session), take(session)
    outbox.fail(session, failed, DOWN, NOW, 3_600)
    outbox.settle(session, answered, verdicts(answered), NOW)
    assert outbox.claim(session, now_ms=NOW + peers.FRESHNESS_MS - 1) is None
    again = take(session, NOW + peers.FRESHNESS_MS)
    assert [item.id for item in again.items] == [item.id for item in failed.items]


def test_a_quota_that_is_used_up_is_waited_for_whatever_another_channel_hears(session: Session) -> None:
    peers.register(session, OTHER_PEER, DeliveryMode.PUSH, channel_count=2)
    lanes = [f"lane.{number}" for number in range(20)]
    queue(session, *lanes, peer=OTHER_PEER)
    refused, answered = take(session), take(session)
    outbox.fail(session, refused, Problem(code=EXCEEDED, status=429, title="Too many"), NOW, 60)
    outbox.settle(session, answered, verdicts(answered), NOW + 10)
    queue(session, *lanes, peer=OTHER_PEER)
    assert outbox.claim(session, now_ms=NOW + 59_999) is None
    for claim in (take(session, NOW + 60_000), take(session, NOW + 60_000)):
        outbox.settle(session, claim, verdicts(claim), NOW + 60_000)
    seen = figures.figures(session, OTHER_PEER, NOW)
    assert seen is not None
    assert (seen.failures, seen.problem) == (0, None)


def test_a_failure_under_a_lapsed_lease_changes_nothing(session: Session) -> None:
    queue(session, "a")
    lapsed = take(session, lease_ms=0)
    current = take(session)
    assert outbox.fail(session, lapsed, DOWN, NOW) is None
    outbox.refuse(session, lapsed, DOWN, NOW)
    assert [m.outcome for m in outbox.settle(session, current, verdicts(current), NOW)] == [OutcomeKind.APPLIED]


def test_contact_ends_a_back_off(session: Session) -> None:
    queue(session, "a")
    outbox.fail(session, take(session), DOWN, NOW)
    assert outbox.claim(session, now_ms=NOW + 10) is None
    assert peers.contact(session, PEER, NOW + 10)
    assert take(session, NOW + 10)
    assert not peers.contact(session, PEER, NOW + 11)
    assert not peers.contact(session, PEER, NOW + 5_000)
    assert not peers.contact(session, OTHER_PEER, NOW)
    seen = figures.figures(session, PEER, NOW)
    assert seen is not None
    assert (seen.failures, seen.last_contact_at) == (0, NOW + 5_000)


def test_who_sends_to_us_and_is_not_reached_is_tried_once_a_second_however_often_it_sends(session: Session) -> None:
    queue(session, "a")
    tried = []
    for at in range(NOW, NOW + 3_000, 100):
        peers.contact(session, PEER, at, sending=True)
        claim = outbox.claim(session, now_ms=at)
        if claim is not None:
            tried.append(at - NOW)
            outbox.fail(session, claim, DOWN, at, random=lambda: 1.0)
    assert tried == [0, 1_000, 2_000]


def test_a_refused_batch_is_halved_until_the_guilty_message_stands_alone(session: Session) -> None:
    queue(session, *"abcdefgh")
    delivered, sizes = [], []
    now = NOW
    while (claim := outbox.claim(session, now_ms=now)) is not None:
        sizes.append(len(claim.items))
        if any(item.lane == "c" and item.mark is None for item in claim.items):
            outbox.refuse(session, claim, REFUSED, now)
        else:
            delivered += [(item.lane, item.mark) for item in claim.items]
            outbox.settle(session, claim, verdicts(claim), now)
    assert delivered == [(lane, "void" if lane == "c" else None) for lane in "abcdefgh"]
    assert sizes[:4] == [8, 4, 2, 4]
    queue(session, *["x"] * 300)
    while (claim := outbox.claim(session, now_ms=now)) is not None:
        sizes.append(len(claim.items))
        outbox.settle(session, claim, verdicts(claim), now)
    assert max(sizes) == 100


def test_a_refusal_under_a_lapsed_lease_splits_nothing(session: Session) -> None:
    queue(session, "a", "b")
    lapsed = take(session, lease_ms=0)
    take(session, lease_ms=0)
    outbox.refuse(session, lapsed, REFUSED, NOW)
    assert len(take(session).items) == 2


def test_a_released_claim_is_due_at_once(session: Session) -> None:
    queue(session, "a")
    outbox.release(session, take(session), NOW)
    assert take(session)


def test_one_dead_peer_leaves_the_others_alone(session: Session) -> None:
    peers.register(session, OTHER_PEER, DeliveryMode.PUSH)
    queue(session, "a")
    outbox.fail(session, take(session), DOWN, NOW)
    queue(session, "a", peer=OTHER_PEER)
    assert take(session).connection_id == OTHER_PEER


def test_what_a_rolled_back_transaction_queued_leaves_no_gap(engine: Engine) -> None:
    with Session(engine) as session, session.begin():
        peers.register(session, PEER, DeliveryMode.PUSH, channel_count=1)
        queue(session, "a")
    with Session(engine) as session:
        queue(session, "a", "b")
        session.rollback()
    with Session(engine) as session, session.begin():
        queue(session, "a")
        assert [(m.sequence, m.position) for m in take(session).items] == [(1, 1), (2, 2)]
