"""What the consumer does about concurrent changes: the provider's count, and both sides end equal."""

from typing import Any

from hypothesis import HealthCheck, given, settings

from tests.provider.records.exchange import Line
from tests.provider.records.interleaving import STEPS, play_all, shared_pair


def test_the_providers_change_replaces_ours_though_we_had_not_seen_it(line: Line) -> None:
    ours, theirs = shared_pair(line, line.provider)
    line.consumer.update(theirs, state="On Hold")
    line.provider.update(ours, state="Resolved")
    line.carry(line.provider)
    assert line.consumer.incident(theirs).fields["state"] == "Resolved"
    (event,) = line.consumer.events("incident.updated")[1:]
    assert (event.before, event.after) == ({"state": "On Hold"}, {"state": "Resolved"})


def test_a_change_of_ours_that_waits_for_the_reconnection_gives_way_to_the_providers(line: Line) -> None:
    ours, theirs = shared_pair(line, line.consumer)
    bond_id = line.consumer.bond_of(theirs).id
    line.consumer.do("disconnect", bond_id=bond_id)
    line.consumer.update(theirs, state="On Hold")
    line.provider.update(ours, state="Resolved")
    line.drain()
    line.consumer.do("reconnect", bond_id=bond_id)
    line.drain()
    states = [desk.incident(made).fields["state"] for desk, made in ((line.provider, ours), (line.consumer, theirs))]
    assert states == ["Resolved"] * 2


@given(steps=STEPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_both_sides_end_equal_whatever_happens_at_once(line: Line, steps: list[tuple[Any, ...]]) -> None:
    play_all(line, steps)
