"""The problems delivery itself answers with (RFC 9457); those of a message's content are its handler's."""

from typing import TYPE_CHECKING, Final

from shared.wire.errors import Conflict, ExchangeError, Invalid, TooMany, Unavailable
from shared.wire.messages import Message
from shared.wire.problems import Problem
from shared.wire.version import HELD_PER_CONNECTION, HELD_PER_LANE

if TYPE_CHECKING:
    from shared.delivery.intake import Entry

LANE_QUOTA: Final = Problem.from_error(
    TooMany(
        f"{HELD_PER_LANE} messages of this lane already wait",
        code="quota_exceeded",
        cause="An earlier message of the lane is missing or in quarantine.",
        fix="Send the missing message; this one was not stored, send it again.",
        extra={"quota": "held_per_lane", "limit": HELD_PER_LANE},
    ),
    429,
)
CONNECTION_QUOTA: Final = Problem.from_error(
    TooMany(
        f"{HELD_PER_CONNECTION} messages of this connection already wait",
        code="quota_exceeded",
        cause="Earlier messages of many lanes are missing or in quarantine.",
        fix="Send the missing messages; this one was not stored, send it again.",
        extra={"quota": "held_per_connection", "limit": HELD_PER_CONNECTION},
    ),
    429,
)
LANE_BLOCKED: Final = Problem.from_error(
    Unavailable(
        "An earlier message of the lane is in quarantine",
        code="lane_blocked",
        cause="The receiver could not apply it; its operator will replay or skip it.",
        fix="Nothing to do: this message is stored and follows by itself.",
    ),
    503,
)


def sequence_missing(sequence: int) -> Problem:
    """Say which message a held one waits for."""
    return _problem(
        Conflict(
            f"Message {sequence} of the lane has not arrived",
            code="sequence_missing",
            fix="Send it; this message is stored and follows by itself.",
        ),
        409,
    )


def unsupported_type(kind: str) -> Problem:
    """Say that nobody here handles such messages."""
    return _problem(
        Invalid(
            f"Messages of type {kind!r} are not supported",
            code="unsupported_type",
            cause="This instance has no handler for the type.",
            fix="Send only types the peer lists among its capabilities.",
        ),
        422,
    )


def conflict(message: Message, entry: "Entry") -> Problem:
    """Say that an id or a sequence came twice with different content."""
    same = "id" if message.id == entry.id else "sequence"
    return _problem(
        Conflict(
            f"The {same} was used for another message",
            code=f"{same}_conflict",
            cause=f"Message {entry.sequence} of lane {entry.lane} came earlier with the id {entry.id}.",
            fix="Send changed content with a new id and the lane's next sequence.",
        ),
        409,
    )


def quarantined(error: Exception) -> Problem:
    """Say that applying the message failed unexpectedly; what exactly stays out of the wire's reach."""
    return _problem(
        Unavailable(
            "The message is stored but could not be applied",
            code="quarantined",
            cause=f"Applying it raised {type(error).__name__}.",
            fix="Nothing to do: the receiver's operator will replay or skip it.",
        ),
        503,
    )


def leap(lane: str, before: int) -> Conflict:
    """Say that what a peer calls lost lies too far ahead to be true."""
    return Conflict(
        f"Lane {lane} cannot have lost everything before {before}",
        code="marks_absurd",
        cause="The sequence lies too far beyond what this side has applied.",
        fix="Ask the peer's operator; end the connection and register anew if they insist.",
    )


def _problem(error: ExchangeError, status: int) -> Problem:
    return Problem.from_error(error, status)
