"""What this instance is and says of itself: values and pure decisions."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.runtime.marker import MarkerState
from shared.wire.discovery import Criteria, Discovery, Limits, QuotaLimits, SignedStatement, Software
from shared.wire.states import DeliveryMode, InstanceType, MessageType, Side
from shared.wire.version import PROTOCOL, PROTOCOL_VERSION, SOFTWARE_NAME, SOFTWARE_VERSION

ROLE: Final = Side.CONSUMER
CAPABILITIES: Final = (MessageType.INCIDENT, MessageType.INCIDENT_COMMENT)
ENDPOINTS: Final = {
    "messages": "/exchange/v1/messages",
    "echo": "/exchange/v1/echo",
    "callback": "/exchange/v1/oauth/callback",
}
"""What stands where beneath the issuer (docs/protocol.md, section 5)."""

BEAT_SECONDS: Final = 60
"""A worker that said nothing for longer counts as dead."""

CHANGEABLE: Final = frozenset({"name", "instance_type", "sender_address", "support_contact", "email_enabled"})
"""What may change after creation; the address only moves by a signed move, the id never."""


class Standing(StrEnum):
    """How the database stands to the marker outside it (design: protocol.md, *Clones and restores*)."""

    ABSENT = "absent"
    """There is no record yet."""
    AGREE = "agree"
    UNMARKED = "unmarked"
    """A database, and a data directory that never saw it."""
    COPIED_OR_RESTORED = "copied_or_restored"
    """The data directory belongs to another instance, or to another history of this one."""

    @property
    def muted(self) -> bool:
        """Whether nothing may be sent or answered as this instance until the operator has said what happened."""
        return self in {Standing.UNMARKED, Standing.COPIED_OR_RESTORED}


STANDING_OF: Final = {
    MarkerState.AGREE: Standing.AGREE,
    MarkerState.MISSING: Standing.UNMARKED,
    MarkerState.DISAGREE: Standing.COPIED_OR_RESTORED,
}


@dataclass(frozen=True, slots=True)
class Instance:
    """The consumer record as it was read."""

    name: str
    """Letters, digits, dashes."""
    issuer: str
    instance_id: str
    """UUIDv7, for ever."""
    instance_type: InstanceType
    epoch: int
    """From 1; raised by every restore."""
    sender_address: str
    support_contact: str
    email_enabled: bool
    """Whether mail goes out although this is no production instance."""
    version: int
    created_at: datetime
    updated_at: datetime

    @property
    def sends_email(self) -> bool:
        """Mail goes out in a production instance or wherever it is enabled (design: onboarding.md)."""
        return self.email_enabled or self.instance_type is InstanceType.PRODUCTION


@dataclass(frozen=True, slots=True)
class NewInstance:
    """What the operator states once."""

    name: str
    instance_type: InstanceType
    sender_address: str = ""
    support_contact: str = ""
    email_enabled: bool = False


@dataclass(frozen=True, slots=True)
class Beat:
    """The last sign of life of one worker."""

    worker: str
    software: str
    beat_at: datetime


def discovery(instance: Instance, key_set: SignedStatement, quotas: QuotaLimits | None = None) -> Discovery:
    """Return what anybody may know of this instance (docs/protocol.md, section 5)."""
    return Discovery(
        protocol=PROTOCOL,
        versions=[PROTOCOL_VERSION],
        software=Software(name=SOFTWARE_NAME, version=SOFTWARE_VERSION),
        issuer=instance.issuer,
        instance_id=instance.instance_id,
        epoch=instance.epoch,
        roles=[ROLE],
        instance_type=instance.instance_type,
        name=instance.name,
        capabilities=list(CAPABILITIES),
        delivery=[DeliveryMode.PUSH, DeliveryMode.PULL],
        criteria=Criteria(),
        limits=Limits(quotas=quotas),
        endpoints=ENDPOINTS,
        key_set=key_set,
    )
