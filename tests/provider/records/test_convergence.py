"""Whatever both sides do at the same time, and whatever the line does with it, both end equal."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.provider.records.exchange import Line
from tests.provider.records.interleaving import STEPS, play_all, shared_pair


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


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_sides_end_equal_whatever_happens_at_once(line: Line, steps: list[tuple[Any, ...]]) -> None:
    play_all(line, steps)
