"""After a restore: marks, sending again, and numbers that are never used twice; on both engines."""

import json

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.delivery import inbox, outbox, peers, reconcile
from shared.delivery.claims import Claim
from shared.delivery.tables import lanes_out
from shared.delivery.tables import outbox as outbox_table
from shared.wire.errors import Conflict
from shared.wire.messages import Outcome
from shared.wire.states import OutcomeKind
from shared.wire.version import MARK_LEAP
from tests.shared.delivery.words import NOW, PEER, REFUSED, Effects, kinds, message, queue, receive, take, verdicts


def settle(session: Session, *, rejected: int = 0) -> None:
    claim = take(session)
    told = verdicts(claim)
    if rejected:
        told[rejected - 1] = Outcome(id=told[rejected - 1].id, outcome=OutcomeKind.REJECTED, problem=REFUSED)
    outbox.settle(session, claim, told, NOW)


def sequences(claim: Claim) -> list[tuple[str, int]]:
    return [(item.lane, item.sequence) for item in claim.items]


def test_marks_tell_what_was_sent_applied_and_stored_in_the_order_of_bytes(session: Session, effects: Effects) -> None:
    queue(session, "b", "B", "b", "a-1", "a.1")
    receive(session, effects, message("b", 1), message("b", 3), message("z", 2))
    found = reconcile.marks(session, PEER, after="", upto=None, limit=10)
    assert [(mark.lane, mark.sent, mark.received, mark.known) for mark in found] == [
        ("B", 1, 0, 0),
        ("a-1", 1, 0, 0),
        ("a.1", 1, 0, 0),
        ("b", 2, 1, 3),
        ("z", 0, 0, 2),
    ]
    page = reconcile.marks(session, PEER, after="B", upto="b", limit=2)
    assert [mark.lane for mark in page] == ["a-1", "a.1"]


def test_what_the_peer_has_lost_goes_out_again_in_its_order_and_once(session: Session) -> None:
    queue(session, "a", "a", "a", "b")
    settle(session)
    queue(session, "a")
    resent = reconcile.send_again(session, PEER, {"a": 1, "b": 1}, NOW)
    assert (resent.messages, resent.kept) == ({"a": 2}, {"a": 2})
    assert reconcile.send_again(session, PEER, {"a": 1, "b": 1}, NOW).messages == {}
    claim = take(session)
    assert sorted(sequences(claim)) == [("a", 2), ("a", 3), ("a", 4)]
    outbox.settle(session, claim, verdicts(claim), NOW)
    assert outbox.claim(session, now_ms=NOW) is None


def test_what_had_been_refused_goes_out_again_as_a_void(session: Session) -> None:
    queue(session, "a", "a")
    settle(session, rejected=1)
    reconcile.send_again(session, PEER, {"a": 0}, NOW)
    assert [json.loads(item.body)["type"] for item in take(session).items] == ["void", "note"]


def test_what_is_no_longer_kept_is_told_by_the_first_sequence_that_comes_again(session: Session) -> None:
    queue(session, "a", "a", "a", "a")
    settle(session)
    second = select(outbox_table.c.id).where(outbox_table.c.sequence == 2).scalar_subquery()
    session.execute(outbox_table.delete().where(outbox_table.c.id == second))
    resent = reconcile.send_again(session, PEER, {"a": 0}, NOW)
    assert (resent.messages, resent.kept) == ({"a": 2}, {"a": 3})


def test_numbers_the_peer_knows_are_not_given_out_again(session: Session) -> None:
    queue(session, "a", "a")
    reconcile.begin(session, PEER)
    queue(session, "a", "b", data='{"new":true}')
    shifts = reconcile.raise_sequences(session, PEER, {"a": 5, "b": 3, "c": 2})
    assert {lane: (shift.floor, shift.by) for lane, shift in shifts.items()} == {"a": (3, 3), "b": (1, 3), "c": (1, 2)}
    assert reconcile.raise_sequences(session, PEER, {"a": 5, "b": 3, "c": 2}) == {}
    reconcile.finish(session, PEER)
    peers.resume(session, PEER)
    queue(session, "a", "c")
    claim = take(session)
    assert sorted(sequences(claim)) == [("a", 1), ("a", 2), ("a", 6), ("a", 7), ("b", 4), ("c", 3)]
    for item in claim.items:
        assert json.loads(item.body)["sequence"] == item.sequence
    assert session.scalars(select(lanes_out.c.floor)).all() == [None] * 3


def test_nothing_is_sent_from_a_restore_to_the_end_of_the_comparison(session: Session) -> None:
    queue(session, "a")
    reconcile.begin(session, PEER)
    queue(session, "a")
    assert outbox.claim(session, now_ms=NOW) is None


def test_what_nobody_keeps_is_passed_over_and_what_was_held_applied(session: Session, effects: Effects) -> None:
    receive(session, effects, message("a", 1), message("a", 3), message("a", 6), message("a", 9))
    passed = inbox.pass_over(session, PEER, "a", 6, {"note": effects}, NOW)
    assert passed.lost == 3
    assert effects.applied == [("a", 1), ("a", 3), ("a", 6)]
    assert len(passed.settled_later) == 2
    assert kinds(receive(session, effects, message("a", 2, named="0190c0de-0000-7000-8000-0000000000ff"))) == [
        "duplicate"
    ]
    assert kinds(receive(session, effects, message("a", 7))) == ["applied"]
    assert inbox.pass_over(session, PEER, "a", 6, {"note": effects}, NOW).lost == 0


def test_a_leap_too_far_to_be_true_is_refused(session: Session, effects: Effects) -> None:
    with pytest.raises(Conflict) as caught:
        inbox.pass_over(session, PEER, "a", MARK_LEAP + 2, {"note": effects}, NOW)
    assert caught.value.code == "marks_absurd"


def test_a_lane_whose_next_message_needs_a_person_is_not_passed_over(session: Session, effects: Effects) -> None:
    receive(session, effects, message("a", 1, **{"break": True}))
    assert inbox.pass_over(session, PEER, "a", 5, {"note": effects}, NOW).lost == 0
    assert kinds(receive(session, effects, message("a", 2))) == ["held"]
