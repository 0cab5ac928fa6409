"""What an established connection says about itself (design: protocol.md; onboarding.md, *Connection*)."""

from pydantic import Field

from shared.wire.discovery import Limits, SignedStatement
from shared.wire.messages import Id
from shared.wire.model import WireModel
from shared.wire.states import DeliveryMode, InstanceType


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
