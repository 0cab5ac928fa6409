"""The provider connection's onboarding on the consumer (design: onboarding.md, *Provider connection*)."""

from enum import StrEnum

from shared.lifecycle.table import Lifecycle
from shared.wire.states import ProviderConnectionState as State


class Move(StrEnum):
    """What can happen to a provider connection before it is onboarded."""

    PASS = "pass"  # noqa: S105  # a verdict, no password
    """The pre-onboarding scan found nothing that blocks."""
    FAIL = "fail"
    """The scan found something that blocks."""
    COMPLETE = "complete"
    """Settings are acknowledged both ways."""
    CANCEL = "cancel"
    """Cancelled by either side."""


PROVIDER_CONNECTION: Lifecycle[State, Move] = Lifecycle(
    name="Provider connection",
    initial=State.AWAITING_VALIDATION,
    transitions={
        State.AWAITING_VALIDATION: {
            Move.PASS: State.VALIDATED,
            Move.FAIL: State.VALIDATION_FAILED,
            Move.CANCEL: State.CANCELLED,
        },
        State.VALIDATION_FAILED: {
            Move.PASS: State.VALIDATED,
            Move.FAIL: State.VALIDATION_FAILED,
            Move.CANCEL: State.CANCELLED,
        },
        State.VALIDATED: {
            Move.PASS: State.VALIDATED,
            Move.FAIL: State.VALIDATION_FAILED,
            Move.COMPLETE: State.ONBOARDED,
            Move.CANCEL: State.CANCELLED,
        },
        State.ONBOARDED: {},
        State.CANCELLED: {},
    },
)
