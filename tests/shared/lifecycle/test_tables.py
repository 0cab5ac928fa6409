"""Every transition table is whole: reachable, ending where it should, and refusing everything else."""

from enum import StrEnum
from typing import Any

import pytest

from shared.lifecycle import connection, key, provider_connection, registration, self_service
from shared.lifecycle.table import Lifecycle
from shared.wire.errors import IllegalMove

TABLES: list[tuple[Lifecycle[Any, Any], type[StrEnum], set[str]]] = [
    (registration.REGISTRATION, registration.Move, {"Closed Complete", "Closed Incomplete"}),
    (provider_connection.PROVIDER_CONNECTION, provider_connection.Move, {"Onboarded", "Cancelled"}),
    (connection.CONNECTION, connection.Move, {"Closed"}),
    (key.KEY, key.Move, {"compromised"}),
    (
        self_service.REQUEST,
        self_service.Move,
        {"ORA_CSS_APPROVED", "ORA_CSS_REJECTED", "ORA_CSS_WITHDRAWN", "ORA_CSS_EXPIRED"},
    ),
]


@pytest.mark.parametrize(("table", "moves", "ends"), TABLES)
def test_every_state_is_decided_and_reachable(table: Lifecycle[Any, Any], moves: type[StrEnum], ends: set[str]) -> None:
    assert set(table.transitions) == set(type(table.initial))
    reached, frontier = {table.initial}, [table.initial]
    while frontier:
        for target in table.transitions[frontier.pop()].values():
            if target not in reached:
                reached.add(target)
                frontier.append(target)
    assert reached == set(table.transitions)
    assert {str(state) for state in table.transitions if table.ended(state)} == ends


@pytest.mark.parametrize(("table", "moves", "ends"), TABLES)
def test_a_move_the_table_lacks_is_refused_by_state_and_move(
    table: Lifecycle[Any, Any], moves: type[StrEnum], ends: set[str]
) -> None:
    for state in table.transitions:
        for move in moves:
            if table.allows(state, move):
                assert table.advance(state, move) in table.transitions
            else:
                with pytest.raises(IllegalMove) as refusal:
                    table.advance(state, move)
                assert refusal.value.extra == {"state": str(state), "move": str(move)}


@pytest.mark.parametrize(("table", "moves", "ends"), TABLES)
def test_the_diagram_shows_every_move(table: Lifecycle[Any, Any], moves: type[StrEnum], ends: set[str]) -> None:
    drawn = table.diagram()
    assert drawn.count(" --> ") == 1 + len(ends) + sum(len(targets) for targets in table.transitions.values())
