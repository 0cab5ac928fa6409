"""Sharing records, and what becomes of the bond that ties the two copies."""

import pytest

from shared.wire.errors import Conflict, NotFound
from shared.wire.identifiers import new_id
from shared.wire.states import ConnectionState, OutcomeKind
from tests.provider.records.exchange import Desk, Line


@pytest.fixture
def other(line: Line, desk: Desk) -> Desk:
    return line.other(desk)


def test_a_record_created_over_a_connection_crosses_with_its_fields(line: Line, desk: Desk, other: Desk) -> None:
    made = desk.create(short_description="Mail is down", state="New")
    line.drain()
    (copy,) = other.incidents()
    assert copy.fields == {"short_description": "Mail is down", "state": "New"}
    assert other.bond_of(copy.id).peer_record_id == made


def test_a_record_stays_here_until_it_is_shared(line: Line, desk: Desk, other: Desk) -> None:
    made = desk.create(shared=False, state="New")
    desk.update(made, state="Active")
    assert line.drain() == []
    desk.do("share", incident_id=made, connection_id=desk.connection_id)
    line.drain()
    assert [copy.fields for copy in other.incidents()] == [{"state": "Active"}]


def test_sharing_twice_is_one_bond_and_one_message(desk: Desk) -> None:
    made = desk.create()
    again = desk.do("share", incident_id=made, connection_id=desk.connection_id)
    assert desk.bond_of(made).id == again
    assert len(desk.messages()) == 1


@pytest.mark.parametrize("state", [ConnectionState.CONNECTING, ConnectionState.SUSPENDED])
def test_nothing_is_shared_over_a_connection_that_is_not_active(desk: Desk, state: ConnectionState) -> None:
    desk.connect(new_id(), state)
    with pytest.raises(Conflict) as refused:
        desk.create(state="New")
    assert refused.value.code == "connection_not_active"


def test_nothing_is_shared_over_an_unknown_connection(desk: Desk) -> None:
    desk.connection_id = new_id()
    with pytest.raises(NotFound) as refused:
        desk.create(state="New")
    assert refused.value.code == "connection_unknown"


def test_changes_cross_both_ways_whoever_shared_the_record(line: Line, desk: Desk, other: Desk) -> None:
    made = desk.create(state="New")
    line.drain()
    (copy,) = other.incidents()
    other.update(copy.id, state="Active")
    desk.update(made, caller="ann")
    line.drain()
    assert desk.incident(made).fields == other.incident(copy.id).fields == {"state": "Active", "caller": "ann"}
    assert desk.bond_of(made).peer_number == copy.number


def test_a_message_tells_what_its_sender_had_seen(line: Line, desk: Desk, other: Desk) -> None:
    made = desk.create(state="New")
    line.drain()
    (copy,) = other.incidents()
    for state in ("1", "2"):
        other.update(copy.id, state=state)
    line.drain()
    desk.update(made, state="3")
    assert [told.data["seen"] for told in desk.messages()] == [0, 2]


def test_comments_cross_and_work_notes_never_leave(line: Line, desk: Desk, other: Desk) -> None:
    made = desk.create(state="New")
    desk.comment(made, "for both")
    desk.comment(made, "only for us", kind="work_note")
    line.drain()
    (copy,) = other.incidents()
    assert [(shown.text, shown.author) for shown in other.comments(copy.id)] == [("for both", "Ada")]
    assert len(desk.comments(made)) == 2
    assert not any("only for us" in told.model_dump_json() for told in desk.messages())


def test_a_record_shared_with_two_peers_tells_its_changes_to_both(line: Line, desk: Desk) -> None:
    made = desk.create(state="New")
    first = desk.connection_id
    desk.connect(new_id())
    desk.do("share", incident_id=made, connection_id=desk.connection_id)
    desk.update(made, state="Active")
    for connection_id in (first, desk.connection_id):
        desk.connection_id = connection_id
        assert [told.data["op"] for told in desk.messages()] == ["create", "update"]


def test_a_disconnected_bond_sends_what_it_missed_when_it_is_reconnected(line: Line, desk: Desk, other: Desk) -> None:
    made = desk.create(state="New")
    line.drain()
    bond_id = desk.bond_of(made).id
    assert desk.do("disconnect", bond_id=bond_id).state == "Disconnected"
    desk.update(made, state="Active")
    desk.update(made, state="Resolved", caller="ann")
    assert line.drain() == []
    assert desk.do("reconnect", bond_id=bond_id).state == "Connected"
    line.drain()
    assert other.incident(other.copy_of(bond_id)).fields == {"state": "Resolved", "caller": "ann"}
    assert [event.action for event in desk.events("bond.disconnected", "bond.reconnected")] == [
        "bond.disconnected",
        "bond.reconnected",
    ]


def test_a_disconnected_bond_still_takes_the_peers_changes(line: Line, desk: Desk, other: Desk) -> None:
    made = desk.create(state="New")
    line.drain()
    bond_id = desk.bond_of(made).id
    desk.do("disconnect", bond_id=bond_id)
    other.update(other.copy_of(bond_id), state="Active")
    line.drain()
    assert desk.incident(made).fields["state"] == "Active"


def refuse_next(line: Line, desk: Desk, made: str) -> str:
    """Let the other side lose the bond, so that it refuses our next change; return the bond."""
    other, bond = line.other(desk), desk.bond_of(made)
    with other.database.transaction() as session:
        session.delete(other.store.bond(session, bond.id))
    desk.update(made, state="Active")
    assert [outcome.outcome for outcome in line.carry(desk)] == [OutcomeKind.REJECTED]
    return str(bond.id)


def test_a_refused_change_stands_on_the_bond(line: Line, desk: Desk) -> None:
    made = desk.create(state="New")
    line.drain()
    refuse_next(line, desk, made)
    bond = desk.bond_of(made)
    assert (bond.state, bond.problem["code"]) == ("Error", "bond_unknown")


def test_a_refusal_stands_until_a_person_reconnects_and_then_everything_changed_here_is_sent_again(
    line: Line, desk: Desk, other: Desk
) -> None:
    made = desk.create(state="New")
    line.drain()
    copy = other.copy_of(desk.bond_of(made).id)
    with other.database.transaction() as session:
        row = other.store.bond(session, desk.bond_of(made).id)
        kept = {name: getattr(row, name) for name in row.__table__.columns.keys()}  # noqa: SIM118 - no mapping
    bond_id = refuse_next(line, desk, made)
    with other.database.transaction() as session:
        session.add(other.tables.Bond(**kept))
    other.update(copy, caller="ann")
    line.drain()
    assert desk.bond_of(made).state == "Error"
    shown = desk.do("reconnect", bond_id=bond_id)
    assert (shown.state, shown.problem) == ("Connected", None)
    line.drain()
    assert other.incident(copy).fields == desk.incident(made).fields == {"state": "Active", "caller": "ann"}


def end_connection(desk: Desk) -> None:
    hooks = desk.module("composition").connection_hooks()
    with desk.database.transaction() as session:
        desk.module("connections.service").close(
            session,
            connection_id=desk.connection_id,
            reason="over",
            actor=desk.actor,
            hooks=hooks,
            now=desk.now,
        )


def test_a_record_is_worked_on_after_its_connection_has_ended(line: Line, desk: Desk) -> None:
    made = desk.create(state="New")
    line.drain()
    end_connection(desk)
    desk.update(made, state="Resolved")
    desk.comment(made, "all is well")
    assert desk.incident(made).fields["state"] == "Resolved"
    assert desk.bond_of(made).state == "Disconnected"


def test_a_bond_is_not_reconnected_over_a_connection_that_has_ended(line: Line, desk: Desk) -> None:
    made = desk.create(state="New")
    end_connection(desk)
    with pytest.raises(Conflict) as refused:
        desk.do("reconnect", bond_id=desk.bond_of(made).id)
    assert refused.value.code == "connection_not_active"


def test_a_bond_tells_when_the_peer_has_applied_it(line: Line, desk: Desk, other: Desk) -> None:
    made = desk.create(state="New")
    assert desk.bond_of(made).applied_at is None
    line.drain()
    applied = desk.bond_of(made).applied_at
    assert applied is not None
    bond_id = desk.bond_of(made).id
    copy = other.copy_of(bond_id)
    assert other.bond_of(copy).applied_at is None  # it has sent nothing yet
    other.comment(copy, "seen")
    desk.update(made, state="Active")
    line.drain()
    assert other.bond_of(copy).applied_at is not None
    assert desk.bond_of(made).applied_at == applied
