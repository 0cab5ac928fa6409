"""Sharing records, and what becomes of the bond that ties the two copies."""

from datetime import timedelta

import pytest

from shared.delivery import peers
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


def test_a_record_of_one_customer_is_never_shared_with_another(line: Line) -> None:
    desk = line.provider
    theirs, nobodys = desk.create(state="New"), desk.create(shared=False, state="New")
    desk.do("share", incident_id=nobodys, connection_id=desk.connection_id)
    desk.connect(new_id(), company="another customer")
    for incident_id in (theirs, nobodys):
        with pytest.raises(Conflict) as refused:
            desk.do("share", incident_id=incident_id, connection_id=desk.connection_id)
        assert refused.value.code == "incident_of_other_company"
    assert desk.messages() == []


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


def test_comments_written_while_a_bond_was_disconnected_cross_when_it_is_reconnected_and_once(
    line: Line, desk: Desk, other: Desk
) -> None:
    desk.now -= timedelta(hours=1)
    made = desk.create(shared=False, state="New")
    desk.comment(made, "before it was shared")
    desk.now += timedelta(hours=1)
    desk.do("share", incident_id=made, connection_id=desk.connection_id)
    desk.comment(made, "first")
    line.drain()
    bond_id = desk.bond_of(made).id
    desk.do("disconnect", bond_id=bond_id)
    desk.now += timedelta(minutes=1)
    desk.comment(made, "second")
    desk.comment(made, "internal", kind="work_note")
    assert line.drain() == []
    for _ in range(2):
        desk.do("reconnect", bond_id=bond_id)
        line.drain()
        desk.do("disconnect", bond_id=bond_id)
    copy = other.copy_of(bond_id)
    assert [shown.text for shown in other.comments(copy)] == ["first", "second"]


def test_what_is_written_while_a_connection_is_suspended_waits_in_the_queue(line: Line, desk: Desk) -> None:
    made = desk.create(state="New")
    line.drain()
    with desk.database.transaction() as session:
        lifecycle = desk.module("connections.service")
        lifecycle.suspend(session, connection_id=desk.connection_id, actor=desk.actor, now=desk.now)
    desk.update(made, state="Active")
    desk.comment(made, "still here")
    assert desk.claim() is None
    with desk.database.transaction() as session:
        peers.resume(session, desk.connection_id)
    line.drain()
    other = line.other(desk)
    copy = other.copy_of(desk.bond_of(made).id)
    assert other.incident(copy).fields["state"] == "Active"
    assert [shown.text for shown in other.comments(copy)] == ["still here"]


@pytest.fixture
def parted(line: Line) -> dict[str, str]:
    """Both sides are instances of their own, connected."""
    names = {"provider_service": new_id(), "consumer_service": new_id()}
    line.register(names)
    return names


def part(line: Line) -> None:
    for desk in (line.provider, line.consumer):
        end_connection(desk)


def test_a_bond_goes_on_over_the_connection_that_took_the_place_of_its_own(
    line: Line, desk: Desk, other: Desk, parted: dict[str, str]
) -> None:
    made = desk.create(state="New", caller="ann")
    line.drain()
    bond_id = desk.bond_of(made).id
    copy = other.copy_of(bond_id)
    desk.update(made, caller="never arrived")
    part(line)
    desk.update(made, state="Active")
    desk.comment(made, "from here")
    other.update(copy, state="Resolved", location="there")
    other.comment(copy, "from there")
    line.register(parted)
    assert desk.do("reconnect", bond_id=bond_id).connection_id == desk.connection_id
    line.drain()
    wins = desk.incident(made).fields["state"]
    assert wins == ("Active" if desk is line.provider else "Resolved")
    assert desk.incident(made).fields == other.incident(copy).fields
    assert desk.incident(made).fields == {"state": wins, "caller": "never arrived", "location": "there"}
    for side, incident_id in ((desk, made), (other, copy)):
        assert sorted(shown.text for shown in side.comments(incident_id)) == ["from here", "from there"]
        assert side.bond_of(incident_id).state == "Connected"
        assert len(side.incidents()) == 1
    other.update(copy, state="Closed")
    line.drain()
    assert desk.incident(made).fields["state"] == "Closed"


def test_both_sides_may_reconnect_a_bond_at_once(line: Line, desk: Desk, other: Desk, parted: dict[str, str]) -> None:
    made = desk.create(state="New")
    line.drain()
    bond_id = desk.bond_of(made).id
    copy = other.copy_of(bond_id)
    part(line)
    desk.update(made, state="Active")
    other.update(copy, state="Resolved", caller="bob")
    line.register(parted)
    for side in (desk, other):
        side.do("reconnect", bond_id=bond_id)
    line.drain()
    assert desk.incident(made).fields == other.incident(copy).fields
    assert desk.incident(made).fields["caller"] == "bob"


def test_a_bond_follows_nobody_but_the_peer_it_was_tied_with(
    line: Line, desk: Desk, other: Desk, parted: dict[str, str]
) -> None:
    made = desk.create(state="New")
    line.drain()
    bond_id = desk.bond_of(made).id
    copy = other.copy_of(bond_id)
    (created,) = desk.messages()
    part(line)
    stolen = created.model_copy(update={"id": new_id(), "data": {**created.data, "fields": {"state": "Stolen"}}})
    line.register(parted | {other.package: new_id()})
    assert [outcome.problem.code for outcome in other.receive(stolen).outcomes] == ["bond_unknown"]
    assert other.incident(copy).fields == {"state": "New"}
    assert other.incidents() == []


def test_a_record_shared_anew_has_one_bond_with_its_peer(line: Line, desk: Desk, parted: dict[str, str]) -> None:
    made = desk.create(state="New")
    line.drain()
    bond_id = desk.bond_of(made).id
    part(line)
    line.register(parted)
    desk.do("share", incident_id=made, connection_id=desk.connection_id)
    with pytest.raises(Conflict) as refused:
        desk.do("reconnect", bond_id=bond_id)
    assert refused.value.code == "shared_anew"


def test_a_bond_moves_beside_one_that_may_not(line: Line, desk: Desk, other: Desk, parted: dict[str, str]) -> None:
    made = desk.create(state="New")
    line.drain()
    bond_id = desk.bond_of(made).id
    part(line)
    line.connect()
    foreign = desk.create(state="New")
    line.drain()
    lane = desk.bond_of(foreign).id
    line.register(parted)
    desk.do("reconnect", bond_id=bond_id)
    (moving,) = desk.messages()
    outcomes = other.receive(moving, moving.model_copy(update={"id": new_id(), "lane": lane})).outcomes
    assert [outcome.outcome for outcome in outcomes] == [OutcomeKind.APPLIED, OutcomeKind.REJECTED]
    assert [outcome.problem.code for outcome in outcomes if outcome.problem] == ["bond_unknown"]


def test_of_a_records_earlier_bonds_one_follows_however_many_are_reconnected(
    line: Line, desk: Desk, other: Desk, parted: dict[str, str]
) -> None:
    made = desk.create(state="New")
    line.drain()
    first = desk.bond_of(made).id
    part(line)
    line.register(parted)
    second = desk.do("share", incident_id=made, connection_id=desk.connection_id)
    line.drain()
    part(line)
    line.register(parted)
    for bond_id in (first, second):
        other.do("reconnect", bond_id=bond_id)
    outcomes = line.carry(other) + line.carry(other)
    assert sorted(outcome.problem.code if outcome.problem else "" for outcome in outcomes) == ["", "bond_unknown"]
    here = [bond.id for bond in desk.bonds() if bond.connection_id == desk.connection_id]
    assert len(here) == 1
    assert here[0] in {first, second}


def test_a_bond_tells_when_the_peer_has_applied_it(line: Line, desk: Desk, other: Desk, parted: dict[str, str]) -> None:
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
    part(line)
    line.register(parted)
    desk.do("reconnect", bond_id=bond_id)
    assert desk.bond_of(made).applied_at is None  # not yet over the connection it stands on
    line.drain()
    assert desk.bond_of(made).applied_at is not None
