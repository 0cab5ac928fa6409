"""Messages, batches and their outcomes (design: protocol.md, *Messages*)."""

from typing import Annotated, Any

from pydantic import Field

from shared.wire.identifiers import LANE_PATTERN
from shared.wire.model import WireModel
from shared.wire.problems import Problem
from shared.wire.states import OutcomeKind
from shared.wire.version import MESSAGES_PER_REQUEST

Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
"""A UUID in lower case."""

Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$")]
"""RFC 3339 in UTC, ending in Z."""

HISTORY_PATTERN = r"^([A-Za-z0-9_-]{22,64})?$"
"""A random word that names a history of an instance, or nothing."""


class Message(WireModel):
    """One message of a lane."""

    id: Id
    """UUIDv7, unique for ever."""
    lane: str = Field(pattern=LANE_PATTERN)
    """The conversation it belongs to; order is kept within a lane."""
    sequence: int = Field(ge=1, le=2**53)
    """1, 2, 3 … per connection, lane and direction."""
    type: str = Field(min_length=1, max_length=64)
    time: Time
    """When it was written."""
    subject: str = Field(default="", max_length=200)
    """What it is about, for people: a record's number."""
    data: dict[str, Any]


class Batch(WireModel):
    """Body of ``POST /exchange/v1/messages``."""

    epoch: int = Field(ge=1)
    """The sender's epoch (design: protocol.md, *Clones and restores*)."""
    history: str = Field(default="", pattern=HISTORY_PATTERN)
    """The word of the sender's last answered heartbeat."""
    messages: list[Message] = Field(min_length=1, max_length=MESSAGES_PER_REQUEST)


class Outcome(WireModel):
    """The verdict on one message. Only one inside a signed 200 counts."""

    id: Id
    outcome: OutcomeKind
    stored: OutcomeKind | None = None
    """With ``duplicate``: the outcome of the first time, where still remembered."""
    problem: Problem | None = None
    """With ``rejected``, ``conflict``, ``held`` and ``deferred``: why, and what to do."""


class Outcomes(WireModel):
    """Answer to a batch: one outcome a message, in the order of the messages."""

    epoch: int = Field(ge=1)
    """The receiver's epoch."""
    outcomes: list[Outcome]


class PulledBatch(WireModel):
    """Answer to ``GET /exchange/v1/messages``: what was leased, or an empty list when the wait ran out."""

    epoch: int = Field(ge=1)
    lease: str | None = None
    """Names the lease; settle it with ``POST /exchange/v1/outcomes`` within 60 s."""
    messages: list[Message]


class Settlement(WireModel):
    """Body of ``POST /exchange/v1/outcomes``."""

    epoch: int = Field(ge=1)
    history: str = Field(default="", pattern=HISTORY_PATTERN)
    """As in a batch."""
    lease: str = Field(min_length=1, max_length=80)
    outcomes: list[Outcome] = Field(min_length=1, max_length=MESSAGES_PER_REQUEST)


class OutcomeData(WireModel):
    """Data of an ``outcome`` message: the late verdict on a message that was held."""

    id: Id
    outcome: OutcomeKind
    problem: Problem | None = None


class VoidData(WireModel):
    """Data of a ``void`` message: it takes the place of a message that cannot pass."""

    type: str = Field(min_length=1, max_length=64)
    """Type of the message it stands for."""
    code: str = Field(min_length=1, max_length=64)
    """Why: the code of the refusal the message met, or ``skipped``."""
    detail: str = Field(default="", max_length=500)
    """Why, for people."""
