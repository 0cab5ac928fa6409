"""Decisions about registration tasks; pure."""

from collections.abc import Collection
from typing import Final

from shared.wire.errors import Conflict, Invalid
from shared.wire.states import RegistrationState as State

LINK_PLACEHOLDER: Final = "[registration link]"
"""Stands in comments for the link, which is shown only by an audited *Copy link*."""

SETTLED: Final = frozenset({State.CLOSED_COMPLETE, State.CLOSED_INCOMPLETE})
SCANNED: Final = frozenset({State.AWAITING_VALIDATION, State.VALIDATION_FAILED, State.OPEN})
"""States in which a scan can change something."""


def number_of(serial: int) -> str:
    """Return the task's number: REG and seven digits."""
    return f"REG{serial:07d}"


def require_open(state: str, number: str) -> None:
    """Raise `Conflict` for a task that has ended."""
    if State(state) in SETTLED:
        raise Conflict(
            f"{number} is {state}",
            code="registration_closed",
            cause="A closed registration task does not change any more.",
            fix="Use 'Start again' to copy it into a new task.",
        )


def require_before_announcement(state: str, number: str) -> None:
    """Raise `Conflict` once the consumer has announced itself."""
    require_open(state, number)
    if State(state) is State.WORK_IN_PROGRESS:
        raise Conflict(
            f"{number} is being onboarded",
            cause="The consumer has announced itself for this contact and address.",
            fix="Reset the handshake or cancel the task first.",
        )


def require_link(state: str, number: str) -> None:
    """Raise `Conflict` where no link may exist."""
    require_open(state, number)
    if State(state) not in {State.OPEN, State.WORK_IN_PROGRESS}:
        raise Conflict(
            f"{number} has no link in state {state}",
            cause="The link is made when every pre-onboarding check has passed.",
            fix="Resolve the issues on the Health Dashboard.",
        )


def require_same_address(rekeys: str | None, changes: Collection[str]) -> None:
    """Raise `Conflict` (code ``rekeying_address``) where a re-keying would go to another address."""
    if rekeys is not None and "consumer_url" in changes:
        raise Conflict(
            "A connection is re-keyed at its own address",
            code="rekeying_address",
            cause="The connection stays what it is; only a key becomes another one.",
            fix="Leave the address; to move to another one disconnect and register anew.",
        )


def require_hours(hours: int) -> int:
    """Return a token life between one hour and 30 days; raise `Invalid` otherwise."""
    if not 1 <= hours <= 720:
        raise Invalid("A registration link lives 1 to 720 hours", fix="Give token_hours between 1 and 720.")
    return hours
