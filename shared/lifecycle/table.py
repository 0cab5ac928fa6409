"""A transition table and the one function that reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from shared.wire.errors import IllegalMove

StateT = TypeVar("StateT", bound=StrEnum)
MoveT = TypeVar("MoveT", bound=StrEnum)


@dataclass(frozen=True)
class Lifecycle(Generic[StateT, MoveT]):
    """States, moves, and which move leads where. It does not know which side it runs on."""

    name: str
    initial: StateT
    transitions: Mapping[StateT, Mapping[MoveT, StateT]]
    """Every state appears; one without moves is an end."""

    def advance(self, state: StateT, move: MoveT) -> StateT:
        """Return the state that ``move`` leads to; raise `IllegalMove` naming both where the table has none."""
        try:
            return self.transitions[state][move]
        except KeyError:
            possible = ", ".join(sorted(self.transitions[state])) or "none: it has ended"
            raise IllegalMove(
                f"{self.name}: {move} is not possible in state {state}",
                cause=f"From {state} the possible steps are: {possible}.",
                fix="Reload to see the present state.",
                extra={"state": str(state), "move": str(move)},
            ) from None

    def allows(self, state: StateT, move: MoveT) -> bool:
        """Tell whether the table has ``move`` from ``state``."""
        return move in self.transitions[state]

    def ended(self, state: StateT) -> bool:
        """Tell whether nothing leads out of ``state``."""
        return not self.transitions[state]

    def diagram(self) -> str:
        """Return the table as a Mermaid state diagram."""
        lines = ["stateDiagram-v2", f"    [*] --> {_node(self.initial)}"]
        lines += [f"    {_node(state)} : {state}" for state in self.transitions]
        for state, moves in self.transitions.items():
            lines += [f"    {_node(state)} --> {_node(target)} : {move}" for move, target in moves.items()]
            if not moves:
                lines.append(f"    {_node(state)} --> [*]")
        return "\n".join(lines)


def _node(state: StrEnum) -> str:
    return state.name.lower()
