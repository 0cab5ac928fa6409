"""No message stops its lane, and no lane stops the others: voids, skips, and what is set aside."""

import json
import random

import pytest
from sqlalchemy.orm import Session

from shared.delivery import aside, figures, inbox, outbox, peers, purge
from shared.delivery.claims import Claim
from shared.delivery.tables import inbox as inbox_table
from shared.delivery.tables import outbox as outbox_table
from shared.wire.errors import Conflict, NotFound, TooLarge
from shared.wire.messages import Message, Outcome
from shared.wire.problems import Problem
from shared.wire.states import DeliveryMode, OutcomeKind
from tests.shared.delivery.words import NOW, OTHER_PEER, PEER, REFUSED, Effects, kinds, message, queue, take, verdicts

TOO_LARGE = Problem(code="too_large", status=413, title="Too large", detail="More than it takes")
SKIPPED = Problem(code="skipped", status=422, title="Skipped", detail="A person said so")
VOIDED = Problem(code="voided", status=422, title="Withdrawn")


def void_of(original: Message, **changes: object) -> Message:
    data = {"type": original.type, "code": "too_large", "detail": ""}
    return original.model_copy(update={"type": "void", "subject": "", "data": data, **changes})


def judged(session: Session, effects: Effects, *messages: Message) -> inbox.Received:
    def voids(_session: object, _connection: str, voided: list[Message], _now: int) -> list[Problem]:
        return [VOIDED for _ in voided]

    handlers = {"note": effects, "void": voids}
    return inbox.receive(session, connection_id=PEER, messages=messages, handlers=handlers, now_ms=NOW)


def refused_alone(session: Session, now_ms: int = NOW) -> Claim:
    """Let the peer refuse the one message that waits; the claim of what goes out in its place."""
    outbox.refuse(session, take(session, now_ms, limit=1), TOO_LARGE, now_ms)
    return take(session, now_ms, limit=1)


def last(session: Session) -> tuple[object, ...]:
    """Outcome and code of the youngest message that was sent."""
    row = session.execute(outbox_table.select().order_by(outbox_table.c.id.desc()).limit(1)).one()
    return row.outcome, json.loads(row.problem)["code"] if row.problem else None


def test_a_message_refused_alone_goes_out_as_a_void_in_its_place(session: Session, effects: Effects) -> None:
    (name,) = queue(session, "a", data='{"text":"long"}')
    original = json.loads(take(session, lease_ms=0).items[0].body)
    claim = refused_alone(session)
    void = json.loads(claim.items[0].body)
    assert void == {
        **original,
        "type": "void",
        "subject": "",
        "data": {"type": "note", "code": "too_large", "detail": "More than it takes"},
    }
    received = judged(session, effects, Message.model_validate(void))
    settled = outbox.settle(session, claim, received.outcomes, NOW)
    assert [(m.id, m.type, m.outcome, m.problem) for m in settled] == [(name, "note", OutcomeKind.REJECTED, TOO_LARGE)]
    assert last(session) == ("rejected", "too_large")
    assert kinds(judged(session, effects, message("a", 2))) == ["applied"]
    assert effects.applied == [("a", 2)]


def test_a_void_that_is_refused_too_condemns_nobody_and_the_peer_backs_off(session: Session) -> None:
    queue(session, "a", "b")
    now = NOW
    for pause in (1_000, 5_000, 30_000):
        outbox.refuse(session, refused_alone(session, now), TOO_LARGE, now, random=lambda: 0.5)
        assert outbox.claim(session, now_ms=now + pause - 1) is None
        now += pause
    claim = take(session, now)
    assert [(item.lane, item.mark) for item in claim.items] == [("a", None), ("b", None)]
    assert [m.outcome for m in outbox.settle(session, claim, verdicts(claim), now)] == [OutcomeKind.APPLIED] * 2
    assert last(session) == (None, None)


def test_a_void_of_a_message_that_arrived_takes_what_became_of_it(session: Session, effects: Effects) -> None:
    queue(session, "a", "b", data='{"refuse":1}')
    for outcome in (OutcomeKind.REJECTED, OutcomeKind.REJECTED):
        arrived = Message.model_validate_json(take(session, limit=1, lease_ms=0).items[0].body)
        judged(session, effects, arrived)
        claim = refused_alone(session)
        verdict = judged(session, effects, Message.model_validate_json(claim.items[0].body)).outcomes
        assert [(v.outcome, v.stored) for v in verdict] == [(OutcomeKind.DUPLICATE, outcome)]
        (settled,) = outbox.settle(session, claim, verdict, NOW)
        assert (settled.outcome, settled.problem) == (outcome, REFUSED)
    queue(session, "c")
    judged(session, effects, Message.model_validate_json(take(session, limit=1, lease_ms=0).items[0].body))
    claim = refused_alone(session)
    verdict = judged(session, effects, Message.model_validate_json(claim.items[0].body)).outcomes
    assert [m.outcome for m in outbox.settle(session, claim, verdict, NOW)] == [OutcomeKind.APPLIED]
    assert last(session) == (None, None)


def test_a_void_consumes_its_sequence_once_and_what_it_replaces_comes_too_late(
    session: Session, effects: Effects
) -> None:
    original = message("a", 1)
    assert kinds(judged(session, effects, void_of(original))) == ["rejected"]
    again = judged(session, effects, void_of(original)).outcomes[0]
    assert (again.outcome, again.stored) == (OutcomeKind.DUPLICATE, OutcomeKind.REJECTED)
    told_otherwise = void_of(original, data={"type": "note", "code": "skipped", "detail": "again"})
    assert kinds(judged(session, effects, told_otherwise)) == ["duplicate"]
    assert kinds(judged(session, effects, original)) == ["conflict"]
    assert effects.applied == []


def test_a_void_cannot_take_the_place_of_another_message(session: Session, effects: Effects) -> None:
    applied = message("a", 1)
    judged(session, effects, applied)
    other = "0190c0de-0000-7000-8000-00000000000f"
    assert kinds(judged(session, effects, void_of(applied, id=other))) == ["conflict"]
    assert kinds(judged(session, effects, void_of(applied, lane="b"))) == ["conflict"]
    assert kinds(judged(session, effects, void_of(applied, sequence=2))) == ["conflict"]
    assert kinds(judged(session, effects, void_of(applied))) == ["duplicate"]
    assert kinds(judged(session, effects, message("a", 2))) == ["applied"]


def test_a_void_ahead_of_its_turn_is_held_and_its_verdict_follows(session: Session, effects: Effects) -> None:
    ahead = message("a", 2)
    assert kinds(judged(session, effects, void_of(ahead))) == ["held"]
    received = judged(session, effects, message("a", 1), message("a", 3))
    assert kinds(received) == ["applied", "applied"]
    assert [(late.message_id, late.outcome) for late in received.settled_later] == [(ahead.id, OutcomeKind.REJECTED)]


def test_a_quarantined_message_is_not_touched_by_its_void(session: Session, effects: Effects) -> None:
    stuck = message("a", 1, **{"break": 1})
    assert kinds(judged(session, effects, stuck)) == ["held"]
    answer = judged(session, effects, void_of(stuck)).outcomes[0]
    assert (answer.outcome, answer.stored) == (OutcomeKind.DUPLICATE, OutcomeKind.HELD)
    assert [found.message_id for found in figures.quarantine(session, PEER)] == [stuck.id]


def test_a_message_larger_than_the_peer_takes_is_refused_and_nothing_is_stored(session: Session) -> None:
    peers.limit(session, PEER, 70_000)
    with pytest.raises(TooLarge) as refusal:
        queue(session, "a", data=json.dumps({"text": "x" * 70_000}))
    assert refusal.value.code == "message_too_large"
    session.rollback()
    peers.register(session, PEER, DeliveryMode.PUSH, channel_count=1)
    peers.limit(session, PEER, 10**9)
    with pytest.raises(TooLarge):
        queue(session, "a", data=json.dumps({"text": "x" * 1_048_576}))
    queue(session, "a", data=json.dumps({"text": "x" * 1_040_000}))


def test_an_operator_may_withdraw_what_waits_but_not_what_is_on_its_way(session: Session, effects: Effects) -> None:
    first, second = queue(session, "a", "a")
    outbox.skip(session, PEER, second, SKIPPED, NOW)
    claim = take(session)
    assert [item.mark for item in claim.items] == [None, "void"]
    with pytest.raises(Conflict) as refusal:
        outbox.skip(session, PEER, first, SKIPPED, NOW)
    assert refusal.value.code == "message_in_flight"
    received = judged(session, effects, *[Message.model_validate_json(item.body) for item in claim.items])
    settled = outbox.settle(session, claim, received.outcomes, NOW)
    assert [(m.outcome, m.problem) for m in settled] == [(OutcomeKind.APPLIED, None), (OutcomeKind.REJECTED, SKIPPED)]
    for gone in (first, second, OTHER_PEER):
        with pytest.raises(NotFound) as unknown:
            outbox.skip(session, PEER, gone, SKIPPED, NOW)
        assert unknown.value.code == "not_queued"


def test_what_its_sender_died_with_may_be_withdrawn_once_its_lease_has_lapsed(session: Session) -> None:
    (name,) = queue(session, "a")
    lost = take(session, lease_ms=60_000)
    with pytest.raises(Conflict):
        outbox.skip(session, PEER, name, SKIPPED, NOW + 59_999)
    outbox.skip(session, PEER, name, SKIPPED, NOW + 60_000)
    assert outbox.leased(session, PEER, lost.lease_token) is None
    void = take(session, NOW + 60_000)
    assert [item.mark for item in void.items] == ["void"]
    outbox.settle(session, lost, verdicts(lost), NOW + 60_000)
    assert last(session) == (None, None)


def test_what_an_operator_withdrew_stays_withdrawn_though_its_void_is_refused(session: Session) -> None:
    (name,) = queue(session, "a")
    outbox.skip(session, PEER, name, SKIPPED, NOW)
    outbox.refuse(session, take(session), TOO_LARGE, NOW)
    assert [item.mark for item in take(session, NOW + 2_000).items] == ["void"]


def deferring(claim: Claim, *lanes: str) -> list[Outcome]:
    return [
        Outcome(id=item.id, outcome=OutcomeKind.DEFERRED if item.lane in lanes else OutcomeKind.APPLIED)
        for item in claim.items
    ]


def test_a_lane_without_room_leaves_the_others_of_its_channel_alone(session: Session) -> None:
    queue(session, "a", "b", "a", "c")
    claim = take(session)
    assert [m.lane for m in outbox.settle(session, claim, deferring(claim, "a"), NOW)] == ["b", "c"]
    queue(session, "b")
    assert [item.lane for item in take(session).items] == ["b"]
    assert figures.depth(session, PEER) == 3
    seen = figures.figures(session, PEER, NOW)
    assert seen is not None
    assert (seen.oldest_unsent_at, seen.sent_in_24_h) == (NOW, 2)


def test_what_was_set_aside_comes_back_after_a_pause_in_its_order(session: Session) -> None:
    names = queue(session, "a", "b", "a", "a")
    claim = take(session)
    outbox.settle(session, claim, deferring(claim, "a"), NOW)
    sent = figures.marks(session, PEER)["sent"]
    assert not aside.due(session, NOW + aside.PAUSE_MS - 1)
    aside.bring_back(session, NOW + aside.PAUSE_MS - 1)
    assert outbox.claim(session, now_ms=NOW + aside.PAUSE_MS) is None
    later = NOW + aside.PAUSE_MS
    assert aside.due(session, later)
    aside.bring_back(session, later)
    again = take(session, later)
    assert [(item.id, item.sequence) for item in again.items] == [(names[0], 1), (names[2], 2), (names[3], 3)]
    assert figures.marks(session, PEER)["sent"] == sent
    outbox.settle(session, again, verdicts(again), later)
    assert figures.depth(session, PEER) == 0
    assert not aside.due(session, later + 10 * aside.PAUSE_MS)
    assert last(session) == (None, None)


def test_once_something_got_in_the_rest_follows_without_a_pause(session: Session) -> None:
    queue(session, *["a"] * 250)
    while (claim := outbox.claim(session, now_ms=NOW)) is not None:
        outbox.settle(session, claim, deferring(claim, "a"), NOW)
    later = NOW + aside.PAUSE_MS
    found = []
    while aside.due(session, later):
        aside.bring_back(session, later)
        claim = take(session, later)
        found += [item.sequence for item in claim.items]
        outbox.settle(session, claim, verdicts(claim), later)
    assert found == list(range(1, 251))


def test_a_late_verdict_brings_back_at_once_what_its_channel_has_set_aside(session: Session) -> None:
    held, _ = queue(session, "a", "a")
    claim = take(session)
    outcomes = [
        Outcome(id=item.id, outcome=kind)
        for item, kind in zip(claim.items, (OutcomeKind.HELD, OutcomeKind.DEFERRED), strict=True)
    ]
    outbox.settle(session, claim, outcomes, NOW)
    assert not aside.due(session, NOW + 1)
    outbox.settle_held(session, PEER, held, OutcomeKind.APPLIED, problem=None)
    assert aside.due(session, NOW + 1)


@pytest.mark.parametrize("word", [OutcomeKind.HELD, OutcomeKind.DEFERRED])
def test_a_late_word_that_is_no_verdict_changes_nothing(session: Session, word: OutcomeKind) -> None:
    held, _ = queue(session, "a", "b")
    claim = take(session)
    outcomes = [Outcome(id=held, outcome=OutcomeKind.HELD), Outcome(id=claim.items[1].id, outcome=OutcomeKind.DEFERRED)]
    outbox.settle(session, claim, outcomes, NOW)
    assert outbox.settle_held(session, PEER, held, word, problem=None) is None
    aside.bring_back(session, NOW + aside.PAUSE_MS)
    assert [item.lane for item in take(session, NOW + aside.PAUSE_MS).items] == ["b"]
    assert figures.depth(session, PEER) == 1


def test_a_late_verdict_brings_back_what_other_channels_have_set_aside_too(session: Session) -> None:
    peers.register(session, OTHER_PEER, DeliveryMode.PUSH, channel_count=2)
    queue(session, *[f"lane.{number}" for number in range(20)], peer=OTHER_PEER)
    held, deferred = take(session), take(session)
    outbox.settle(session, held, verdicts(held, OutcomeKind.HELD), NOW)
    outbox.settle(session, deferred, verdicts(deferred, OutcomeKind.DEFERRED), NOW)
    assert not aside.due(session, NOW + 1)
    outbox.settle_held(session, OTHER_PEER, held.items[0].id, OutcomeKind.APPLIED, problem=None)
    assert aside.due(session, NOW + 1)


def test_every_lane_set_aside_is_tried_however_many_there_are(session: Session) -> None:
    lanes = [f"lane.{number}" for number in range(150)]
    queue(session, *lanes, *lanes)
    while (claim := outbox.claim(session, now_ms=NOW)) is not None:
        outbox.settle(session, claim, deferring(claim, *lanes), NOW)
    tried = set()
    now = NOW
    for _ in range(2):
        now += aside.PAUSE_MS
        aside.bring_back(session, now)
        claim = take(session, now)
        assert {item.sequence for item in claim.items} == {1}
        tried |= {item.lane for item in claim.items}
        outbox.settle(session, claim, deferring(claim, *lanes), now)
    assert tried == set(lanes)


def test_a_withdrawn_message_that_was_set_aside_comes_back_as_a_void(session: Session) -> None:
    (name,) = queue(session, "a")
    claim = take(session)
    outbox.settle(session, claim, deferring(claim, "a"), NOW)
    outbox.skip(session, PEER, name, SKIPPED, NOW)
    for _ in range(2):
        later = NOW + aside.PAUSE_MS
        aside.bring_back(session, later)
        claim = take(session, later)
        assert [item.mark for item in claim.items] == ["void"]
        outbox.settle(session, claim, deferring(claim, "a"), NOW)


def test_what_was_set_aside_is_neither_purged_nor_forgotten(session: Session) -> None:
    (name, _) = queue(session, "a", "b")
    claim = take(session)
    outbox.settle(session, claim, deferring(claim, "a"), NOW)
    old = NOW + 100 * figures.DAY_MS
    assert purge.purge_outbox(session, PEER, old) == 1
    assert [overdue.message_id for overdue in figures.needs_attention(session, old)] == [name]
    aside.bring_back(session, old)
    assert [item.id for item in take(session, old).items] == [name]


class CapriciousPeer:
    """Refuses requests with a guilty message in them, loses answers, has no room; but judges as our receiver does."""

    def __init__(self, session: Session, effects: Effects, seed: int) -> None:
        self.session = session
        self.effects = effects
        self.dice = random.Random(seed)
        self.guilty: set[str] = set()

    def answer(self, claim: Claim, now: int) -> None:
        """Take one request, and let the sender write what came of it."""
        found = [Message.model_validate_json(item.body) for item in claim.items]
        if any(one.id in self.guilty and one.type != "void" for one in found):
            outbox.refuse(self.session, claim, TOO_LARGE, now)
        elif self.dice.random() < 0.2:
            judged(self.session, self.effects, *found)
            outbox.fail(self.session, claim, TOO_LARGE, now, 0)
        else:
            outbox.settle(self.session, claim, self.verdicts(found), now)
            self.settle_late()

    def verdicts(self, found: list[Message]) -> list[Outcome]:
        waits = {one.id for one in found if self.dice.random() < 0.2}
        taken = judged(self.session, self.effects, *[one for one in found if one.id not in waits])
        outcomes = {verdict.id: verdict for verdict in taken.outcomes}
        return [outcomes.get(one.id) or Outcome(id=one.id, outcome=OutcomeKind.DEFERRED) for one in found]

    def settle_late(self) -> None:
        for row in self.session.execute(inbox_table.select().where(inbox_table.c.outcome != "held")):
            outbox.settle_held(self.session, PEER, row.id, OutcomeKind(row.outcome), problem=None)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_the_peer_refuses_every_lane_is_used_up_to_its_end(
    session: Session, effects: Effects, seed: int
) -> None:
    peer = CapriciousPeer(session, effects, seed)
    for number in range(60):
        refuse = '{"refuse":1}' if peer.dice.random() < 0.1 else "{}"
        names = queue(session, f"lane.{number % 5}", data=refuse)
        peer.guilty.update(names if peer.dice.random() < 0.2 else ())
    now = NOW
    while figures.depth(session, PEER):
        claim = outbox.claim(session, now_ms=now, limit=peer.dice.randint(1, 9))
        if claim is None:
            now += aside.PAUSE_MS
            aside.bring_back(session, now)
        else:
            peer.answer(claim, now)
    assert figures.marks(session, PEER)["received"] == 60
    assert len(effects.applied) == len(set(effects.applied))
