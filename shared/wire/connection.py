"""What an established connection says about itself (design: protocol.md; onboarding.md, *Connection*)."""

from typing import Annotated

from pydantic import Field

from shared.wire.discovery import Limits, SignedStatement
from shared.wire.identifiers import LANE_PATTERN
from shared.wire.messages import HISTORY_PATTERN, Id
from shared.wire.model import WireModel
from shared.wire.states import DeliveryMode, InstanceType
from shared.wire.version import LANES_PER_PAGE

Sequence = Annotated[int, Field(ge=0, le=2**53)]
"""A place in a lane; 0 for none yet."""


class Settings(WireModel):
    """Data of a ``settings`` message and part of the completion: one side of what was agreed."""

    name: str = Field(max_length=64)
    instance_type: InstanceType
    software: str = Field(max_length=64)
    versions: list[str]
    capabilities: list[str]
    delivery: DeliveryMode
    limits: Limits
    heartbeat_seconds: int = Field(default=60, ge=5, le=3600)
    """Longest pause between heartbeats this side wishes for."""


class Echo(WireModel):
    """Answer to ``GET /exchange/v1/echo``: who answers here, and what time it is there."""

    issuer: str
    instance_id: str
    epoch: int = Field(ge=1)
    time: int
    """Unix milliseconds."""


class Heartbeat(WireModel):
    """Body of, and answer to, ``POST /exchange/v1/heartbeat``."""

    number: int = Field(ge=1)
    """Counts this side's heartbeats on the connection; never goes back within an epoch."""
    epoch: int = Field(ge=1)
    time: int
    """Unix milliseconds."""
    state: str
    """The sender's connection state."""
    queued: int = Field(ge=0)
    """Messages waiting at the sender."""
    sent: int = Field(ge=0)
    """Messages settled in this direction, ever."""
    received: int = Field(ge=0)
    """Messages received from the peer, ever."""
    digest: str = ""
    """SHA-256 over the sender's high-water marks, base64url."""
    software: str = ""
    history: str = Field(default="", pattern=HISTORY_PATTERN)
    """A random word the sender carries until a heartbeat with it is answered; it then makes the next one."""
    previous: str = Field(default="", pattern=HISTORY_PATTERN)
    """The word before, whose heartbeat was answered: histories that were one until then part here."""
    asks: bool = False
    """This heartbeat only asks which history answers; it carries no words, and is held against none."""


class LaneMark(WireModel):
    """How far one lane has come at the side that tells it."""

    lane: str = Field(pattern=LANE_PATTERN)
    sent: Sequence = 0
    """The highest sequence this side has given out."""
    received: Sequence = 0
    """The highest sequence this side has applied from the other."""
    known: Sequence = 0
    """The highest sequence this side has stored from the other, applied or held."""
    kept: Sequence = 0
    """In an answer: the lowest sequence this side can send again without a gap; 0 where nothing is missing."""


class Gone(WireModel):
    """What the other side had applied and lost, and this side has forgotten since: it is passed over."""

    lane: str = Field(pattern=LANE_PATTERN)
    before: int = Field(ge=2, le=2**53)
    """The lowest sequence that comes again."""


class Marks(WireModel):
    """Body of, and answer to, ``POST /exchange/v1/marks``: one page of lanes, in the order of their names' bytes."""

    epoch: int = Field(ge=1)
    after: str = Field(default="", max_length=80)
    """The page begins behind this name."""
    upto: str | None = Field(default=None, max_length=80)
    """The page ends with this name; null: with the last lane of all."""
    lanes: list[LaneMark] = Field(default=[], max_length=2 * LANES_PER_PAGE)
    """Every lane this side knows between the two names."""
    gone: list[Gone] = Field(default=[], max_length=2 * LANES_PER_PAGE)
    """What the page before has shown to be lost for ever."""
    done: bool = False
    """Nothing is left to compare; there are no lanes in it."""


class KeysNotice(WireModel):
    """Body of ``POST /exchange/v1/keys`` and data of a ``keys`` message: a new key set."""

    key_set: SignedStatement


class KeysAcknowledged(WireModel):
    """The sequence of the key set now pinned."""

    sequence: int


class Goodbye(WireModel):
    """Body of ``POST /exchange/v1/goodbye`` and data of a ``goodbye`` message: the connection ends."""

    reason: str = Field(default="", max_length=500)


class Closed(WireModel):
    """The tombstone: this connection has ended."""

    connection_id: Id
    state: str = "Closed"
