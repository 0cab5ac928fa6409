"""The receiver's half: every message counts once, in order, and gets its verdict."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared.delivery import figures, inbox
from shared.wire.errors import NotFound
from shared.wire.messages import Message
from shared.wire.problems import Problem
from shared.wire.states import OutcomeKind
from tests.shared.delivery.words import NOW, OTHER_PEER, PEER, REFUSED, Effects, kinds, message, receive


def test_messages_in_order_are_applied(session: Session, effects: Effects) -> None:
    received = receive(session, effects, message("a", 1), message("b", 1), message("a", 2))
    assert kinds(received) == ["applied"] * 3
    assert effects.applied == [("a", 1), ("b", 1), ("a", 2)]
    assert effects.runs == [3]


def test_runs_end_where_the_type_changes(session: Session, effects: Effects) -> None:
    receive(session, effects, message("a", 1), message("a", 2, kind="reply"), message("a", 3), message("b", 1))
    assert effects.runs == [1, 1, 2]
    assert effects.applied == [("a", 1), ("a", 2), ("a", 3), ("b", 1)]


def test_a_message_that_comes_again_is_a_duplicate_with_its_first_outcome(session: Session, effects: Effects) -> None:
    batch = [message("a", 1), message("a", 2, refuse=True), message("a", 4)]
    assert kinds(receive(session, effects, *batch)) == ["applied", "rejected", "held"]
    again = receive(session, effects, *batch)
    assert kinds(again) == ["duplicate"] * 3
    assert [outcome.stored for outcome in again.outcomes] == ["applied", "rejected", "held"]
    assert again.outcomes[1].problem == REFUSED
    assert effects.applied == [("a", 1)]


def test_a_message_twice_in_one_batch_is_applied_once(session: Session, effects: Effects) -> None:
    received = receive(session, effects, message("a", 1), message("a", 1), message("a", 3), message("a", 3))
    assert kinds(received) == ["applied", "duplicate", "held", "duplicate"]
    assert [received.outcomes[1].stored, received.outcomes[3].stored] == ["applied", "held"]
    assert effects.applied == [("a", 1)]


def test_the_same_id_with_other_content_is_a_conflict(session: Session, effects: Effects) -> None:
    receive(session, effects, message("a", 1))
    received = receive(session, effects, message("a", 1, other=1))
    assert kinds(received) == ["conflict"]
    assert received.outcomes[0].problem is not None
    assert received.outcomes[0].problem.code == "id_conflict"


@pytest.mark.parametrize("sequence", [1, 3], ids=["applied", "held"])
def test_the_same_sequence_with_other_content_is_a_conflict(session: Session, effects: Effects, sequence: int) -> None:
    receive(session, effects, message("a", sequence))
    received = receive(session, effects, message("a", sequence, named="0190c0de-0000-7000-8000-00000000ffff", other=1))
    assert kinds(received) == ["conflict"]
    assert received.outcomes[0].problem is not None
    assert received.outcomes[0].problem.code == "sequence_conflict"


def test_the_same_content_under_another_id_is_a_duplicate(session: Session, effects: Effects) -> None:
    receive(session, effects, message("a", 1))
    received = receive(session, effects, message("a", 1, named="0190c0de-0000-7000-8000-00000000ffff"))
    assert kinds(received) == ["duplicate"]
    assert effects.applied == [("a", 1)]


def test_a_gap_holds_and_its_closing_drains_in_order(session: Session, effects: Effects) -> None:
    first = receive(session, effects, message("a", 4), message("a", 2), message("b", 1))
    assert kinds(first) == ["held", "held", "applied"]
    assert first.outcomes[0].problem is not None
    assert first.outcomes[0].problem.code == "sequence_missing"
    second = receive(session, effects, message("a", 3))
    assert kinds(second) == ["held"]
    third = receive(session, effects, message("a", 1))
    assert kinds(third) == ["applied"]
    assert [(late.message_id, late.outcome) for late in third.settled_later] == [
        (message("a", sequence).id, OutcomeKind.APPLIED) for sequence in (2, 3, 4)
    ]
    assert effects.applied == [("b", 1), ("a", 1), ("a", 2), ("a", 3), ("a", 4)]
    assert receive(session, effects, message("a", 3)).outcomes[0].stored is OutcomeKind.APPLIED


def test_disorder_within_one_batch_is_put_right_without_late_outcomes(session: Session, effects: Effects) -> None:
    received = receive(session, effects, message("a", 3), message("a", 2), message("a", 1))
    assert kinds(received) == ["applied"] * 3
    assert received.settled_later == []
    assert effects.applied == [("a", 1), ("a", 2), ("a", 3)]


def test_a_rejected_message_uses_up_its_sequence(session: Session, effects: Effects) -> None:
    receive(session, effects, message("a", 2, refuse=True))
    received = receive(session, effects, message("a", 1, refuse=True), message("a", 3))
    assert kinds(received) == ["rejected", "applied"]
    assert received.settled_later == [inbox.SettledLater(message("a", 2).id, OutcomeKind.REJECTED, REFUSED)]


def test_a_type_without_a_handler_is_rejected(session: Session, effects: Effects) -> None:
    received = receive(session, effects, message("a", 1, kind="unheard.of"), message("a", 2))
    assert kinds(received) == ["rejected", "applied"]
    assert received.outcomes[0].problem is not None
    assert received.outcomes[0].problem.code == "unsupported_type"


def test_beyond_a_hundred_a_lane_defers_and_stores_nothing(session: Session, effects: Effects) -> None:
    received = receive(session, effects, *[message("a", sequence) for sequence in range(2, 104)])
    assert kinds(received) == ["held"] * 100 + ["deferred"] * 2
    assert received.outcomes[-1].problem is not None
    assert received.outcomes[-1].problem.to_wire()["quota"] == "held_per_lane"
    again = receive(session, effects, message("a", 103), message("a", 103))
    assert kinds(again) == ["deferred", "deferred"]
    assert len(receive(session, effects, message("a", 1)).settled_later) == 100
    assert kinds(receive(session, effects, message("a", 102), message("a", 103))) == ["applied", "applied"]


def test_beyond_the_connections_quota_messages_are_deferred(
    session: Session, effects: Effects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "HELD_PER_CONNECTION", 3)
    assert kinds(receive(session, effects, message("a", 2), message("b", 2))) == ["held", "held"]
    received = receive(session, effects, message("b", 3), message("c", 2), message("c", 1))
    assert kinds(received) == ["held", "deferred", "applied"]
    assert received.outcomes[1].problem is not None
    assert received.outcomes[1].problem.to_wire()["quota"] == "held_per_connection"
    assert kinds(receive(session, effects, message("a", 2), peer=OTHER_PEER)) == ["held"]


def test_an_unexpected_failure_quarantines_its_message_and_only_its_lane_waits(
    session: Session, effects: Effects
) -> None:
    received = receive(
        session, effects, message("a", 1), message("a", 2, **{"break": 1}), message("a", 3), message("b", 1)
    )
    assert kinds(received) == ["applied", "held", "held", "applied"]
    codes = [outcome.problem.code if outcome.problem else None for outcome in received.outcomes]
    assert codes == [None, "quarantined", "lane_blocked", None]
    assert effects.applied == [("a", 1), ("b", 1)]
    assert kinds(receive(session, effects, message("a", 4))) == ["held"]
    (stuck,) = figures.quarantine(session, PEER)
    assert (stuck.message_id, stuck.lane, stuck.sequence) == (message("a", 2).id, "a", 2)
    assert stuck.problem.code == "quarantined"


def test_a_later_run_of_a_lane_waits_behind_a_quarantined_message(session: Session, effects: Effects) -> None:
    received = receive(session, effects, message("a", 1, **{"break": 1}), message("a", 2, kind="reply"))
    assert kinds(received) == ["held", "held"]
    unheard = receive(session, effects, message("b", 1, **{"break": 1}), message("b", 2, kind="unheard.of"))
    assert kinds(unheard) == ["held", "held"]


def test_what_a_broken_handler_wrote_is_undone(session: Session, effects: Effects) -> None:
    session.execute(text("CREATE TABLE written (lane TEXT)"))

    def writing(inner: Session, connection_id: str, messages: list[Message], now_ms: int) -> list[Problem | None]:
        inner.execute(text("INSERT INTO written VALUES (:lane)"), [{"lane": m.lane} for m in messages])
        return effects(inner, connection_id, messages, now_ms)

    batch = [message("a", 1), message("b", 1, **{"break": 1})]
    inbox.receive(session, connection_id=PEER, messages=batch, handlers={"note": writing}, now_ms=NOW)
    assert session.execute(text("SELECT lane FROM written")).scalars().all() == ["a"]


def test_a_handler_with_too_few_answers_quarantines(session: Session, effects: Effects) -> None:
    received = inbox.receive(
        session, connection_id=PEER, messages=[message("a", 1)], handlers={"note": lambda *_: []}, now_ms=NOW
    )
    assert kinds(received) == ["held"]


def test_trouble_of_the_database_is_nobodys_message(session: Session) -> None:
    def starved(*_: object) -> list[Problem | None]:
        raise OperationalError("INSERT", {}, Exception("disk full"))

    with pytest.raises(OperationalError):
        inbox.receive(session, connection_id=PEER, messages=[message("a", 1)], handlers={"note": starved}, now_ms=NOW)


def test_a_replay_applies_the_message_and_what_waited_behind_it(session: Session, effects: Effects) -> None:
    receive(session, effects, message("a", 1, **{"break": 1}), message("a", 2), message("a", 3, refuse=True))
    assert inbox.replay(session, PEER, message("a", 1).id, {"note": effects}, NOW) == []
    assert figures.quarantine(session, PEER)
    effects.broken = False
    late = inbox.replay(session, PEER, message("a", 1).id, {"note": effects}, NOW)
    assert [settled.outcome for settled in late] == ["applied", "applied", "rejected"]
    assert effects.applied == [("a", 1), ("a", 2)]
    assert figures.quarantine(session, PEER) == []
    assert kinds(receive(session, effects, message("a", 4))) == ["applied"]


def test_a_skip_rejects_the_message_and_frees_the_lane(session: Session, effects: Effects) -> None:
    receive(session, effects, message("a", 1, **{"break": 1}), message("a", 2))
    late = inbox.skip(session, PEER, message("a", 1).id, problem=REFUSED, handlers={"note": effects}, now_ms=NOW)
    assert [settled.outcome for settled in late] == ["rejected", "applied"]
    assert late[0].problem == REFUSED
    assert effects.applied == [("a", 2)]


def test_a_drained_message_that_breaks_is_quarantined_with_the_rest_behind_it(
    session: Session, effects: Effects
) -> None:
    receive(session, effects, message("a", 2), message("a", 3, **{"break": 1}), message("a", 4))
    received = receive(session, effects, message("a", 1))
    assert kinds(received) == ["applied"]
    assert [late.message_id for late in received.settled_later] == [message("a", 2).id]
    assert [stuck.sequence for stuck in figures.quarantine(session, PEER)] == [3]
    effects.broken = False
    assert len(inbox.replay(session, PEER, message("a", 3).id, {"note": effects}, NOW)) == 2
    assert effects.applied == [("a", 1), ("a", 2), ("a", 3), ("a", 4)]


@pytest.mark.parametrize("sequence", [1, 3, 9], ids=["applied", "held", "unknown"])
def test_only_what_is_in_quarantine_can_be_replayed_or_skipped(
    session: Session, effects: Effects, sequence: int
) -> None:
    receive(session, effects, message("a", 1), message("a", 3))
    with pytest.raises(NotFound) as refusal:
        inbox.replay(session, PEER, message("a", sequence).id, {"note": effects}, NOW)
    assert refusal.value.code == "not_quarantined"


def test_connections_do_not_share_ids_or_lanes(session: Session, effects: Effects) -> None:
    receive(session, effects, message("a", 1))
    assert kinds(receive(session, effects, message("a", 1, other=1), peer=OTHER_PEER)) == ["applied"]
