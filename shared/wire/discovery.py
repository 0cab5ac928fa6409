"""Who an instance is: discovery document, key set, signed statement (design: protocol.md, *Identity and keys*)."""

from pydantic import Field

from shared.wire.model import WireModel
from shared.wire.states import DeliveryMode, InstanceType, KeyPurpose, KeyState, Side


class SignedStatement(WireModel):
    """A document signed by an identity key. The signature is Ed25519 over ASCII ``context + "." + payload``."""

    context: str
    """What kind of statement it is; a signature for one kind is worthless for another."""
    payload: str
    """The document's JSON, base64url without padding: exactly the bytes that were signed."""
    kid: str
    """RFC 7638 thumbprint of the identity key."""
    signature: str
    """64 bytes, base64url without padding."""


class PublishedKey(WireModel):
    """One public key of a key set."""

    kid: str
    purpose: KeyPurpose
    state: KeyState
    jwk: dict[str, str]
    """The public key (RFC 7517, RFC 8037); its thumbprint is ``kid``."""


class KeySet(WireModel):
    """Every public key an instance stands for, as a signed statement's payload."""

    issuer: str
    instance_id: str
    sequence: int = Field(ge=1)
    """Grows with every change; a lower one than seen before is refused."""
    issued: int
    """Unix seconds."""
    expires: int
    """Unix seconds; fetch a new one before."""
    refresh_seconds: int = Field(ge=60)
    keys: list[PublishedKey] = Field(min_length=1, max_length=32)


class Software(WireModel):
    """Name and version of what runs."""

    name: str
    version: str


class QuotaLimits(WireModel):
    """How much an instance takes from one peer; beyond that it answers ``quota_exceeded`` and when to come back."""

    requests_per_minute: int = Field(default=6_000, ge=1)
    """Requests that carry or fetch messages."""
    messages_per_minute: int = Field(default=600_000, ge=1)
    bytes_per_hour: int = Field(default=8 * 2**30, ge=1)
    """Octets of the bodies of those requests."""
    new_lanes_per_hour: int = Field(default=200_000, ge=1)
    """Lanes begun: messages that would begin another one are ``deferred``."""


class Limits(WireModel):
    """What an instance accepts; senders keep to the smaller of both sides'."""

    messages_per_request: int = Field(default=100, ge=1, le=1000)
    bytes_per_request: int = Field(default=1_048_576, ge=65_536)
    pull_wait_seconds: int = Field(default=25, ge=0, le=60)
    held_per_lane: int = Field(default=100, ge=0)
    held_per_connection: int = Field(default=10_000, ge=0)
    """Messages kept while an earlier one of their lane is missing; beyond that they are ``deferred``."""
    quotas: QuotaLimits | None = None
    """In the discovery document, where the instance has some."""


class Criteria(WireModel):
    """What an instance requires of a peer."""

    signature_profile: str = "service-exchange-1"
    versions: list[str] = ["1"]


class Discovery(WireModel):
    """``GET /.well-known/service-exchange``, answered signed to anyone."""

    protocol: str
    versions: list[str]
    """Protocol versions spoken."""
    software: Software
    issuer: str
    instance_id: str
    epoch: int = Field(ge=1)
    roles: list[Side]
    instance_type: InstanceType
    name: str
    capabilities: list[str]
    """What this instance can do: message types and delivery modes."""
    delivery: list[DeliveryMode] = [DeliveryMode.PUSH]
    criteria: Criteria
    limits: Limits
    endpoints: dict[str, str]
    """Names of endpoints to their paths beneath the issuer."""
    key_set: SignedStatement
