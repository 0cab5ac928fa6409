"""Keys and their diagnosis as the API shows them; nothing private is ever among it."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from provider_service.keys.domain import Colour, Compromised, Key, Verdict
from shared.wire.states import KeyPurpose, KeyState


class KeyView(BaseModel):
    """One key, its public half at most."""

    model_config = ConfigDict(use_attribute_docstrings=True, from_attributes=True)

    kid: str
    """RFC 7638 thumbprint; of a data key, a UUIDv7."""
    purpose: KeyPurpose
    state: KeyState
    algorithm: str
    jwk: dict[str, str] | None
    """The public half; null for data keys."""
    created_at: datetime
    activated_at: datetime | None
    retiring_at: datetime | None
    ended_at: datetime | None
    waiting: list[str] = []
    """Connections whose peers have not acknowledged this key yet; it signs when none is left."""

    @classmethod
    def of(cls, key: Key, waiting: list[str] | None = None) -> "KeyView":
        """Return the view of a key."""
        return cls.model_validate(key).model_copy(update={"waiting": waiting or []})


class KeyRing(BaseModel):
    """Every key there ever was, oldest first, and the sequence of the published key set."""

    sequence: int
    items: list[KeyView]


class RotationRequest(BaseModel):
    """Which key to replace."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    purpose: KeyPurpose
    """`http`, `token` or `data`; an identity is re-keyed."""


class ActivationRequest(BaseModel):
    """Whether to wait for the peers."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    insist: bool = False
    """Activate although some peers have not acknowledged the key; they refuse it until they fetch the key set."""


class ReasonRequest(BaseModel):
    """Why a key is given up or replaced."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    reason: str = Field(min_length=1, max_length=500)


class CompromisedView(BaseModel):
    """What giving up a key has led to."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    key: KeyView
    successor: KeyView | None
    """The key that took over at once; null where the given up one was not in use."""
    connections_suspended: bool
    """The identity was lost: every connection waits to be re-keyed by a new invitation."""

    @classmethod
    def of(cls, result: Compromised) -> "CompromisedView":
        """Return the view of the outcome."""
        successor = None if result.successor is None else KeyView.of(result.successor)
        return cls(key=KeyView.of(result.key), successor=successor, connections_suspended=result.connections_suspended)


class HealthNodeView(BaseModel):
    """One node of the diagnosis."""

    model_config = ConfigDict(use_attribute_docstrings=True, from_attributes=True)

    name: str
    title: str
    colour: Colour
    """`grey`: not in use."""
    found: str
    cause: str
    fix: str
    children: list["HealthNodeView"]


class KeyHealthView(BaseModel):
    """How key management does: the verdict for everybody, the tree for holders of a key role."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    verdict: Verdict
    tree: HealthNodeView | None
    """Null for callers without a key role."""
    roles_needed: list[str]
    """What it takes to see the tree; empty when it is shown."""
    assigned_by: list[str]
    """Names of the people who can assign those roles; empty when the tree is shown."""


class RewrappedView(BaseModel):
    """What rewrapping has changed."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    rewrapped: int
    """Envelopes moved, in all."""
    tables: dict[str, int] = {}
    """The same by table and column."""
    left: dict[str, int] = {}
    """Envelopes that could not be moved, by table and column: drop no master key before this is all zero."""
