"""An established connection, the same on both sides (design: onboarding.md, *Connection (both sides), after*)."""

from enum import StrEnum

from shared.lifecycle.table import Lifecycle
from shared.wire.states import ConnectionState as State


class Move(StrEnum):
    """What can happen to a connection."""

    ACTIVATE = "activate"
    """Settings are acknowledged both ways."""
    PAUSE = "pause"
    """The operator stops sending; queues keep."""
    RESUME = "resume"
    """The operator lets sending go on."""
    SUSPEND = "suspend"
    """The peer's identity is in doubt: nothing crosses until it is re-keyed."""
    REKEY = "rekey"
    """A new invitation with a confirmed comparison code pinned a new identity; the settings are told again."""
    CLOSE = "close"
    """Either side said goodbye, or onboarding was cancelled."""


CONNECTION: Lifecycle[State, Move] = Lifecycle(
    name="Connection",
    initial=State.CONNECTING,
    transitions={
        State.CONNECTING: {Move.ACTIVATE: State.ACTIVE, Move.CLOSE: State.CLOSED, Move.SUSPEND: State.SUSPENDED},
        State.ACTIVE: {Move.PAUSE: State.PAUSED, Move.SUSPEND: State.SUSPENDED, Move.CLOSE: State.CLOSED},
        State.PAUSED: {Move.RESUME: State.ACTIVE, Move.SUSPEND: State.SUSPENDED, Move.CLOSE: State.CLOSED},
        State.SUSPENDED: {Move.REKEY: State.CONNECTING, Move.CLOSE: State.CLOSED},
        State.CLOSED: {},
    },
)
