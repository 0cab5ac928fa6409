"""Every closed set of words the protocol and the records of both sides use, in the seeds' own spelling."""

from enum import StrEnum


class Side(StrEnum):
    """Which half of a connection an instance is."""

    PROVIDER = "provider"
    CONSUMER = "consumer"


class InstanceType(StrEnum):
    """What an instance is for; mail to contacts goes out of production instances without further asking."""

    PRODUCTION = "production"
    SUB_PRODUCTION = "sub_production"


class DeliveryMode(StrEnum):
    """How a consumer receives: it is called, or it comes to fetch because it cannot be reached."""

    PUSH = "push"
    PULL = "pull"


class KeyPurpose(StrEnum):
    """What a key may be used for; a key has one purpose and one algorithm (protocol.md, *Identity and keys*)."""

    IDENTITY = "identity"
    HTTP = "http"
    TOKEN = "token"
    DATA = "data"


class KeyState(StrEnum):
    """Life of a key (NIST SP 800-57 part 1, section 7)."""

    PRE_ACTIVE = "pre_active"
    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"
    COMPROMISED = "compromised"


class RegistrationState(StrEnum):
    """State of a registration task on the provider (design: onboarding.md)."""

    AWAITING_VALIDATION = "Awaiting Validation"
    VALIDATION_FAILED = "Validation Failed"
    OPEN = "Open"
    WORK_IN_PROGRESS = "Work in Progress"
    CLOSED_COMPLETE = "Closed Complete"
    CLOSED_INCOMPLETE = "Closed Incomplete"


class ProviderConnectionState(StrEnum):
    """State of a provider connection's onboarding on the consumer (design: onboarding.md)."""

    AWAITING_VALIDATION = "Awaiting Validation"
    VALIDATION_FAILED = "Validation Failed"
    VALIDATED = "Validated"
    ONBOARDED = "Onboarded"
    CANCELLED = "Cancelled"


class ConnectionState(StrEnum):
    """State of an established connection, the same on both sides."""

    CONNECTING = "Connecting"
    ACTIVE = "Active"
    PAUSED = "Paused"
    SUSPENDED = "Suspended"
    CLOSED = "Closed"


class Step(StrEnum):
    """Steps of the handshake, named alike on both sides (design: protocol.md, *Handshake*)."""

    VALIDATION = "validation"
    INVITATION = "invitation"
    ANNOUNCEMENT = "announcement"
    AUTHORIZATION = "authorization"
    COMPLETION = "completion"
    SETTINGS = "settings"


class OutcomeKind(StrEnum):
    """The verdict on one message (design: protocol.md, *Messages*)."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    HELD = "held"
    REJECTED = "rejected"
    CONFLICT = "conflict"
    DEFERRED = "deferred"


class MessageType(StrEnum):
    """Types of message in version 1."""

    SETTINGS = "settings"
    OUTCOME = "outcome"
    KEYS = "keys"
    GOODBYE = "goodbye"
    VOID = "void"
    INCIDENT = "incident"
    INCIDENT_COMMENT = "incident.comment"


class Role(StrEnum):
    """Roles of people and tokens (seed: *Register a Service Exchange consumer*; design: onboarding.md)."""

    ADMIN = "admin"
    SN_SB_ADMIN = "sn_sb.admin"
    SN_SB_READ = "sn_sb.read"
    SN_SB_PRO_CONSUMER = "sn_sb_pro.consumer"
    SN_KMF_ADMIN = "sn_kmf.admin"
    SN_KMF_CRYPTOGRAPHIC_MANAGER = "sn_kmf.cryptographic_manager"
    SN_KMF_CRYPTOGRAPHIC_AUDITOR = "sn_kmf.cryptographic_auditor"


class Severity(StrEnum):
    """Weight of a check that failed; only an error blocks."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class LinkStatus(StrEnum):
    """How one direction of a connection does."""

    UP = "Up"
    SLOW = "Slow"
    DOWN = "Down"
    UNKNOWN = "Unknown"
