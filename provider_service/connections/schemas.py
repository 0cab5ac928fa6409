"""API shapes of the connections slice."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.wire.connection import Settings
from shared.wire.problems import Problem
from shared.wire.states import ConnectionState, DeliveryMode, InstanceType, LinkStatus

_DOCUMENTED = ConfigDict(use_attribute_docstrings=True)


class ConnectionView(BaseModel):
    """A connection in a list."""

    model_config = _DOCUMENTED

    id: str
    company_id: str
    registration_number: str
    environment: str
    peer_name: str
    peer_issuer: str
    peer_instance_type: InstanceType
    delivery: DeliveryMode
    state: ConnectionState
    sending: LinkStatus
    """How the direction to the peer does."""
    receiving: LinkStatus
    """How the direction from the peer does."""
    queued: int
    """Messages waiting to be sent."""
    opened_at: datetime
    activated_at: datetime | None
    closed_at: datetime | None
    version: int


class RoundTrip(BaseModel):
    """One heartbeat of the last day."""

    model_config = _DOCUMENTED

    at: datetime
    direction: Literal["out", "in"]
    round_trip_ms: int | None
    problem: str
    """Code of what went wrong, empty where nothing did."""


class QuotaUse(BaseModel):
    """What the peer has used of its quotas in this hour, some seconds old; the discovery document names the limits."""

    model_config = _DOCUMENTED

    octets: int
    new_lanes: int
    refused: int
    """Requests refused with ``quota_exceeded``."""
    last_refused: str
    """The quota that was last refused, ever; empty for none."""
    last_refused_at: datetime | None


class ContestView(BaseModel):
    """Two histories of the peer: a copy of it is running, or it was set back without being declared."""

    model_config = _DOCUMENTED

    since: datetime
    seen_at: datetime
    """When the other history called last."""
    count: int
    """How often it called."""
    verdict: Literal["kept", "switched"] | None
    """Which history goes on: the one known before, or the other; null while the pinned address is asked."""
    decided_at: datetime | None
    paused: bool
    """Nobody could be asked: the connection pauses until an administrator decides."""


class ReconciliationView(BaseModel):
    """What was lost in a restore, and what became of it, in messages."""

    model_config = _DOCUMENTED

    started_at: datetime
    finished_at: datetime | None
    problem: Problem | None
    """Why the marks could not be compared yet."""
    lanes_compared: int
    received_again: int
    """Lost here, and sent again by the peer."""
    received_lost: int
    """Lost here, and kept by nobody."""
    sent_again: int
    """Lost by the peer, and sent again from here."""
    sent_lost: int
    """Lost by the peer, and not kept here any more."""
    sent_forgotten: int
    """Sent by this side and forgotten by it; the peer has them, and their numbers are not used again."""
    lanes: list[str]
    """Some of the lanes in which something was lost; the records of their bonds are worth a look."""


class HistoryDecision(BaseModel):
    """Which history of the peer goes on."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    decision: Literal["keep", "switch"]
    """`keep`: the one known before. `switch`: the other one, which is refused at present."""


class ConnectionDetail(ConnectionView):
    """A connection, and how it does."""

    peer_instance_id: str
    peer_epoch: int
    peer_software: str
    identity_thumbprint: str
    """Thumbprint of the peer's pinned identity key."""
    identity_lost_at: datetime | None
    """Since when that identity counts as lost: only another one may re-key the connection."""
    key_set_sequence: int
    key_set_expires_at: datetime
    settings_acknowledged: bool
    peer_settings: Settings | None
    close_reason: str
    closed_by: str
    sent_in_24_h: int
    received_in_24_h: int
    held: int
    quarantined: int
    oldest_unsent_at: datetime | None
    last_exchange_at: datetime | None
    last_contact_at: datetime | None
    next_attempt_at: datetime | None
    round_trip_ms: int | None
    skew_ms: int | None
    last_out_at: datetime | None
    last_in_at: datetime | None
    problem: Problem | None
    """What last went wrong, until something went right."""
    quota_use: QuotaUse
    beats: list[RoundTrip]
    """The last 24 hours, oldest first."""
    contest: ContestView | None
    """Two histories of the peer in one epoch, the last time there were two."""
    reconciling: bool
    """This side was restored, and sends nothing until the marks were compared."""
    peer_restored: bool
    """The peer was restored, and the marks were not compared yet."""
    reconciliation: ReconciliationView | None
    """What comparing the marks after the last restore of either side has shown."""


class Reason(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="", max_length=500)


class Suspension(Reason):
    """Why nothing may cross, and whether the peer has lost its identity."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    identity_lost: bool = True
    """The peer lost its identity key: the pinned one is never accepted again, only another one re-keys."""


class MessageView(BaseModel):
    """One message of the log; its content stays out of it."""

    model_config = _DOCUMENTED

    id: str
    direction: Literal["out", "in"]
    lane: str
    sequence: int
    type: str
    subject: str
    status: str
    """``queued``, ``quarantined``, or the outcome."""
    attempts: int
    at: datetime
    """When it was queued, or came."""
    problem: Problem | None
