"""The life of a key (NIST SP 800-57 part 1, section 7; design: protocol.md, *Identity and keys*)."""

from enum import StrEnum

from shared.lifecycle.table import Lifecycle
from shared.wire.states import KeyState as State


class Move(StrEnum):
    """What can happen to a key."""

    ACTIVATE = "activate"
    """It signs from now on."""
    RETIRE = "retire"
    """Another one signs; this one still verifies."""
    END = "end"
    """The overlap is over; it verifies nothing any more."""
    COMPROMISE = "compromise"
    """Somebody else may have it; it is worthless at once."""


KEY: Lifecycle[State, Move] = Lifecycle(
    name="Key",
    initial=State.PRE_ACTIVE,
    transitions={
        State.PRE_ACTIVE: {
            Move.ACTIVATE: State.ACTIVE,
            Move.END: State.RETIRED,
            Move.COMPROMISE: State.COMPROMISED,
        },
        State.ACTIVE: {Move.RETIRE: State.RETIRING, Move.COMPROMISE: State.COMPROMISED},
        State.RETIRING: {Move.END: State.RETIRED, Move.COMPROMISE: State.COMPROMISED},
        State.RETIRED: {Move.COMPROMISE: State.COMPROMISED},
        State.COMPROMISED: {},
    },
)
