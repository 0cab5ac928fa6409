"""The registration task on the provider (design: onboarding.md, *Registration task*)."""

from enum import StrEnum

from shared.lifecycle.table import Lifecycle
from shared.wire.states import RegistrationState as State


class Move(StrEnum):
    """What can happen to a registration task."""

    PASS = "pass"  # noqa: S105  # a verdict, no password
    """The pre-onboarding scan found nothing that blocks."""
    FAIL = "fail"
    """The scan, or a precondition checked later, found something that blocks."""
    ANNOUNCE = "announce"
    """The consumer announced itself."""
    RESET = "reset"
    """A time-out, or the operator, puts the handshake back to its start."""
    COMPLETE = "complete"
    """Settings are acknowledged both ways."""
    CANCEL = "cancel"
    """Cancelled by either side, or rejected."""


REGISTRATION: Lifecycle[State, Move] = Lifecycle(
    name="Registration task",
    initial=State.AWAITING_VALIDATION,
    transitions={
        State.AWAITING_VALIDATION: {
            Move.PASS: State.OPEN,
            Move.FAIL: State.VALIDATION_FAILED,
            Move.CANCEL: State.CLOSED_INCOMPLETE,
        },
        State.VALIDATION_FAILED: {
            Move.PASS: State.OPEN,
            Move.FAIL: State.VALIDATION_FAILED,
            Move.CANCEL: State.CLOSED_INCOMPLETE,
        },
        State.OPEN: {
            Move.ANNOUNCE: State.WORK_IN_PROGRESS,
            Move.FAIL: State.VALIDATION_FAILED,
            Move.RESET: State.OPEN,
            Move.CANCEL: State.CLOSED_INCOMPLETE,
        },
        State.WORK_IN_PROGRESS: {
            Move.ANNOUNCE: State.WORK_IN_PROGRESS,
            Move.RESET: State.OPEN,
            Move.COMPLETE: State.CLOSED_COMPLETE,
            Move.CANCEL: State.CLOSED_INCOMPLETE,
        },
        State.CLOSED_COMPLETE: {},
        State.CLOSED_INCOMPLETE: {},
    },
)
