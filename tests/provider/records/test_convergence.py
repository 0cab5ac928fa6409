"""Whatever both sides do at the same time, and whatever the line does with it, both end equal."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.wire.states import OutcomeKind
from tests.provider.records.exchange import Desk, Line

FIELDS = ("state", "priority", "caller")


def shared_pair(line: Line, sharer: Desk) -> tuple[str, str]:
    """An incident both sides know: the provider's id of it and the consumer's."""
    first = sharer.create(short_description="Mail is down", state="New")
    line.drain()
    second = line.other(sharer).copy_of(sharer.bond_of(first).id)
    return (first, second) if sharer is line.provider else (second, first)


@pytest.mark.parametrize("sharer", ["provider", "consumer"])
@pytest.mark.parametrize("first", ["provider", "consumer"])
def test_of_two_changes_at_once_the_providers_counts_in_whichever_order_they_cross(
    line: Line, sharer: str, first: str
) -> None:
    ours, theirs = shared_pair(line, getattr(line, sharer))
    line.provider.update(ours, state="Resolved")
    line.consumer.update(theirs, state="On Hold")
    line.carry(getattr(line, first))
    line.drain()
    states = [desk.incident(made).fields["state"] for desk, made in ((line.provider, ours), (line.consumer, theirs))]
    assert states == ["Resolved"] * 2


def test_of_two_changes_at_once_the_providers_trail_keeps_the_one_that_lost(line: Line) -> None:
    ours, theirs = shared_pair(line, line.provider)
    line.provider.update(ours, state="Resolved")
    line.consumer.update(theirs, state="On Hold", caller="ann")
    line.drain()
    (noted,) = line.provider.events("incident.conflicted")
    assert (noted.actor_kind, noted.subject_id) == ("peer", ours)
    assert noted.after == {"kept": {"state": "Resolved"}, "refused": {"state": "On Hold"}}
    assert line.provider.incident(ours).fields["caller"] == "ann"


def test_changes_of_different_fields_at_once_all_count(line: Line) -> None:
    ours, theirs = shared_pair(line, line.provider)
    line.provider.update(ours, state="Resolved")
    line.consumer.update(theirs, priority="1")
    line.drain()
    assert line.provider.incident(ours).fields == line.consumer.incident(theirs).fields
    assert line.provider.incident(ours).fields["priority"] == "1"


def test_a_change_made_knowing_the_providers_replaces_it(line: Line) -> None:
    ours, theirs = shared_pair(line, line.provider)
    line.provider.update(ours, state="Resolved")
    line.drain()
    line.consumer.update(theirs, state="Reopened")
    line.drain()
    assert line.provider.incident(ours).fields["state"] == "Reopened"


def test_a_providers_change_that_waits_for_the_reconnection_stands_against_the_consumers(line: Line) -> None:
    ours, theirs = shared_pair(line, line.provider)
    bond_id = line.provider.bond_of(ours).id
    line.provider.do("disconnect", bond_id=bond_id)
    line.provider.update(ours, state="Resolved")
    line.consumer.update(theirs, state="On Hold")
    line.drain()
    assert line.provider.incident(ours).fields["state"] == "Resolved"
    line.provider.do("reconnect", bond_id=bond_id)
    line.drain()
    assert line.consumer.incident(theirs).fields["state"] == "Resolved"


def test_a_field_emptied_here_is_emptied_there(line: Line) -> None:
    ours, theirs = shared_pair(line, line.provider)
    line.provider.update(ours, state=None)
    line.drain()
    assert "state" not in line.consumer.incident(theirs).fields


def test_a_change_applied_from_the_peer_is_not_sent_back(line: Line) -> None:
    ours, _ = shared_pair(line, line.provider)
    line.provider.update(ours, state="Resolved")
    line.drain()
    assert line.consumer.messages() == []


_side = st.sampled_from(["provider", "consumer"])
_record = st.integers(0, 1)
_limit = st.integers(1, 3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("update"), _side, _record, st.sampled_from(FIELDS), st.sampled_from(["1", "2", "3", None])),
        st.tuples(st.just("update"), _side, _record, st.sampled_from(FIELDS), st.sampled_from(["1", "2", "3", None])),
        st.tuples(st.just("carry"), _side, _limit),
        st.tuples(st.just("carry"), _side, _limit),
        st.tuples(st.just("lose"), _side, _limit),
        st.tuples(st.just("disconnect"), _side, _record),
        st.tuples(st.just("reconnect"), _side, _record),
    ),
    max_size=25,
)


def play(line: Line, step: tuple[Any, ...], copies: dict[str, list[str]]) -> None:
    kind, desk = step[0], getattr(line, step[1])
    if kind == "carry":
        outcomes = line.carry(desk, limit=step[2])
        assert {outcome.outcome for outcome in outcomes} <= {OutcomeKind.APPLIED, OutcomeKind.DUPLICATE}
    elif kind == "lose":
        line.lose_answer(desk, limit=step[2])
    elif kind == "update":
        desk.update(copies[step[1]][step[2]], **{step[3]: step[4]})
    else:
        desk.do(kind, bond_id=desk.bond_of(copies[step[1]][step[2]]).id)


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_sides_end_equal_whatever_happens_at_once(line: Line, steps: list[tuple[Any, ...]]) -> None:
    line.connect()
    pairs = [shared_pair(line, line.provider), shared_pair(line, line.consumer)]
    copies = {"provider": [ours for ours, _ in pairs], "consumer": [theirs for _, theirs in pairs]}
    for step in steps:
        play(line, step, copies)
    for desk in (line.provider, line.consumer):
        for bond in desk.bonds(state="Disconnected"):
            desk.do("reconnect", bond_id=bond.id)
    line.drain()
    for ours, theirs in pairs:
        assert line.provider.incident(ours).fields == line.consumer.incident(theirs).fields
    for desk in (line.provider, line.consumer):
        sequences = desk.next_sequences()
        assert all(bond.sent_sequence == sequences.get(bond.id, 1) - 1 for bond in desk.bonds())
