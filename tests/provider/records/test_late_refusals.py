"""The peer refuses a change whose bond is disconnected by then: it stays so, and the refusal is not forgotten."""

from collections.abc import Callable

import pytest

from shared.wire.states import OutcomeKind
from tests.provider.records.exchange import Desk, Line, as_read
from tests.provider.records.test_bonds import end_connection

SIDES = pytest.mark.parametrize("side", ["provider", "consumer"])


def refused_late(line: Line, desk: Desk, disconnect: Callable[[str], object]) -> str:
    """Let a change be refused whose bond is disconnected before the answer is back; return the record."""
    other, made = line.other(desk), desk.create(state="New")
    line.drain()
    bond = desk.bond_of(made)
    desk.update(made, state="Active")
    claim = desk.claim()
    with other.database.transaction() as session:
        row = other.store.bond(session, bond.id)
        kept = {name: getattr(row, name) for name in row.__table__.columns.keys()}  # noqa: SIM118 - no mapping
        session.delete(row)
    answer = other.receive(*[as_read(item.body) for item in claim.items])
    assert [outcome.outcome for outcome in answer.outcomes] == [OutcomeKind.REJECTED]
    with other.database.transaction() as session:
        session.add(other.tables.Bond(**kept))
    disconnect(bond.id)
    desk.settle(claim, answer.outcomes)
    shown = desk.bond_of(made)
    assert (shown.state, shown.problem["code"]) == ("Disconnected", "bond_unknown")
    return made


@SIDES
def test_a_record_is_worked_on_though_the_last_change_before_the_end_was_refused(line: Line, side: str) -> None:
    desk = getattr(line, side)
    made = refused_late(line, desk, lambda _bond_id: end_connection(desk))
    desk.update(made, state="Resolved")
    assert desk.incident(made).fields["state"] == "Resolved"


@SIDES
def test_a_bond_disconnected_by_a_person_stays_so_and_sends_everything_once_it_is_reconnected(
    line: Line, side: str
) -> None:
    desk = getattr(line, side)
    other = line.other(desk)
    made = refused_late(line, desk, lambda bond_id: desk.do("disconnect", bond_id=bond_id))
    desk.update(made, caller="ann")
    assert line.drain() == []
    bond = desk.do("reconnect", bond_id=desk.bond_of(made).id)
    assert (bond.state, bond.problem) == ("Connected", None)
    line.drain()
    assert other.incident(other.copy_of(bond.id)).fields == {"state": "Active", "caller": "ann"}
