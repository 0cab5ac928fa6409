"""What a peer's messages do here, one by one and in batches."""

from typing import Any

import pytest

from shared.wire.identifiers import new_id
from shared.wire.messages import Message, Outcome
from shared.wire.states import OutcomeKind
from tests.provider.records.exchange import Desk

APPLIED, REJECTED = OutcomeKind.APPLIED, OutcomeKind.REJECTED


def incident(lane: str, sequence: int, **changes: Any) -> Message:
    data = {
        "op": "create",
        "record_id": lane,
        "number": "INC0000042",
        "change_id": new_id(),
        "seen": 0,
        "fields": {"state": "New"},
    } | changes
    return message(lane, sequence, "incident", data)


def comment(lane: str, sequence: int, text: str = "hello", comment_id: str = "") -> Message:
    data = {"comment_id": comment_id or new_id(), "author": "Bob", "time": "2026-03-01T12:00:00.000Z", "text": text}
    return message(lane, sequence, "incident.comment", data)


def message(lane: str, sequence: int, kind: str, data: dict[str, Any]) -> Message:
    return Message(
        id=new_id(), lane=lane, sequence=sequence, type=kind, time="2026-03-01T12:00:00Z", subject="", data=data
    )


def codes(outcomes: list[Outcome]) -> list[str]:
    return [outcome.problem.code if outcome.problem else outcome.outcome for outcome in outcomes]


def received(desk: Desk, *messages: Message) -> list[str]:
    return codes(desk.receive(*messages).outcomes)


def test_a_create_makes_a_record_with_a_number_of_our_own_and_ties_it(desk: Desk) -> None:
    lane = new_id()
    assert received(desk, incident(lane, 1)) == [APPLIED]
    (made,) = desk.incidents()
    assert (made.number, made.origin, made.fields) == ("INC0000001", desk.connection_id, {"state": "New"})
    bond = desk.bond_of(made.id)
    assert (bond.id, bond.peer_record_id, bond.peer_number, bond.opened_by_us) == (lane, lane, "INC0000042", False)
    (event,) = desk.events("incident.created")
    assert (event.actor_kind, event.subject_id, event.after) == ("peer", made.id, {"state": "New"})


def test_a_batch_may_create_change_and_comment_many_records(desk: Desk) -> None:
    lanes = [new_id() for _ in range(30)]
    creates = [incident(lane, 1) for lane in lanes]
    updates = [incident(lane, 2, op="update", fields={"state": "Active", "caller": "ann"}) for lane in lanes]
    comments = [comment(lane, 3) for lane in lanes]
    assert received(desk, *creates, *updates, *comments) == [APPLIED] * 90
    assert {tuple(made.fields.items()) for made in desk.incidents()} == {(("state", "Active"), ("caller", "ann"))}
    assert len({made.number for made in desk.incidents()}) == 30
    assert desk.count("IncidentComment") == 30


def test_changes_of_a_lane_count_in_their_order_however_they_arrive(desk: Desk) -> None:
    lane = new_id()
    steps = [incident(lane, number, op="update", fields={"state": str(number)}) for number in (2, 3, 4)]
    outcomes = received(desk, steps[2], steps[0], incident(lane, 1), steps[1])
    assert outcomes[2:] == [APPLIED] * 2
    (made,) = desk.incidents()
    assert made.fields["state"] == "4"
    assert desk.bond_of(made.id).received_sequence == 4


def test_a_message_that_comes_twice_counts_once(desk: Desk) -> None:
    lane = new_id()
    batch = [incident(lane, 1), comment(lane, 2)]
    received(desk, *batch)
    assert received(desk, *batch) == [OutcomeKind.DUPLICATE] * 2
    assert (len(desk.incidents()), desk.count("IncidentComment")) == (1, 1)


@pytest.mark.parametrize("kind", [incident, comment])
def test_what_is_said_about_an_unknown_bond_is_rejected(desk: Desk, kind: Any) -> None:
    changes = {"op": "update"} if kind is incident else {}
    assert received(desk, kind(new_id(), 1, **changes)) == ["bond_unknown"]


def test_a_bond_of_another_connection_is_unknown_on_this_one(desk: Desk) -> None:
    lane = new_id()
    received(desk, incident(lane, 1))
    desk.connect(new_id())
    answers = received(desk, incident(lane, 1), incident(lane, 2, op="update"), comment(lane, 3))
    assert answers == ["bond_unknown"] * 3
    assert desk.incidents() == []


def test_a_create_on_a_bond_of_another_record_is_rejected(desk: Desk) -> None:
    lane = new_id()
    received(desk, incident(lane, 1))
    assert received(desk, incident(lane, 2, record_id=new_id())) == ["bond_exists"]
    assert received(desk, incident(lane, 3, fields={"state": "Active"})) == [APPLIED]


@pytest.mark.parametrize("lane", ["connection", "x" * 80, "01A1FC04-B3B4-7D88-8788-62EB0313C5FC"])
def test_a_bond_cannot_be_opened_under_what_is_no_id(desk: Desk, lane: str) -> None:
    assert received(desk, incident(lane, 1, record_id=new_id())) == ["invalid"]
    assert desk.incidents() == []


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"fields": {"colour": "red"}}, "/data/fields/colour"),
        ({"fields": {"a/b~c": "red"}}, "/data/fields/a~1b~0c"),
        ({"fields": {"short_description": "x" * 161}}, "/data/fields/short_description"),
        ({"fields": {"opened_at": "yesterday"}}, "/data/fields/opened_at"),
        ({"fields": {"state": 3}}, "/data/fields/state"),
        ({"op": "delete"}, "/data/op"),
        ({"seen": -1}, "/data/seen"),
        ({"number": "x" * 41}, "/data/number"),
        ({"record_id": "INC0000042"}, "/data/record_id"),
    ],
)
def test_data_of_another_form_is_rejected_and_named(desk: Desk, changes: dict[str, Any], pointer: str) -> None:
    lane = new_id()
    (outcome,) = desk.receive(incident(lane, 1, **changes)).outcomes
    assert (outcome.outcome, codes([outcome])) == (REJECTED, ["invalid"])
    assert outcome.problem is not None
    assert [fault.pointer for fault in outcome.problem.errors] == [pointer]
    assert desk.incidents() == []


def test_a_refusal_stays_short_whatever_the_peer_calls_its_fields(desk: Desk) -> None:
    (outcome,) = desk.receive(incident(new_id(), 1, fields={"k" * 100_000: "x"})).outcomes
    assert len(outcome.model_dump_json()) < 2_000


def test_a_rejected_message_uses_its_sequence_and_leaves_the_others_alone(desk: Desk) -> None:
    lane = new_id()
    batch = [incident(lane, 1), incident(lane, 2, seen=-1), incident(lane, 3, op="update", fields={"state": "Active"})]
    assert received(desk, *batch) == [APPLIED, "invalid", APPLIED]
    (made,) = desk.incidents()
    assert (made.fields["state"], desk.bond_of(made.id).received_sequence) == ("Active", 3)


def test_a_comment_keeps_its_author_as_a_claim(desk: Desk) -> None:
    lane, comment_id = new_id(), new_id()
    received(desk, incident(lane, 1), comment(lane, 2, "good news", comment_id))
    (made,) = desk.incidents()
    (shown,) = desk.comments(made.id)
    assert (shown.id, shown.author, shown.text, shown.kind) == (comment_id, "Bob", "good news", "comment")
    assert shown.origin == desk.connection_id


def test_a_comment_told_again_under_a_new_message_is_added_once(desk: Desk) -> None:
    lane, comment_id = new_id(), new_id()
    assert received(desk, incident(lane, 1), *[comment(lane, at, comment_id=comment_id) for at in (2, 3)])
    assert received(desk, comment(lane, 4, comment_id=comment_id)) == [APPLIED]
    assert desk.count("IncidentComment") == 1


def test_a_comment_under_the_id_of_another_records_comment_is_rejected(desk: Desk) -> None:
    one, two, comment_id = new_id(), new_id(), new_id()
    received(desk, incident(one, 1), incident(two, 1), comment(one, 2, comment_id=comment_id))
    assert received(desk, comment(two, 2, comment_id=comment_id)) == ["invalid"]


def test_a_change_that_changes_nothing_leaves_no_trace_but_its_sequence(desk: Desk) -> None:
    lane = new_id()
    received(desk, incident(lane, 1), incident(lane, 2, op="update"))
    (made,) = desk.incidents()
    assert (made.version, desk.bond_of(made.id).received_sequence) == (1, 2)
    assert desk.events("incident.updated") == []


def test_the_trail_of_a_change_tells_the_changed_fields_only(desk: Desk) -> None:
    lane = new_id()
    received(desk, incident(lane, 1), incident(lane, 2, op="update", fields={"state": "Active", "caller": "ann"}))
    (event,) = desk.events("incident.updated")
    assert (event.before, event.after) == ({"state": "New", "caller": None}, {"state": "Active", "caller": "ann"})
