"""Keys as values, how long things last, and the colours of a diagnosis: pure decisions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from shared.wire.discovery import SignedStatement
from shared.wire.states import KeyPurpose, KeyState, Role

CHANNEL: Final = "keys"
"""Notified by every transaction that changes keys or the key set (`shared.runtime.database.notify`)."""

DATA_ALGORITHM: Final = "A256GCM"

KEY_SET_LIFE: Final = timedelta(days=30)
KEY_SET_RENEWAL: Final = timedelta(days=10)
"""What is left of a key set's life when the next one is made."""

REFRESH_SECONDS: Final = 86_400

OVERLAP: Final[Mapping[KeyPurpose, timedelta]] = {
    KeyPurpose.HTTP: timedelta(hours=24),
    KeyPurpose.TOKEN: timedelta(days=30),
}
"""How long a replaced key still verifies. Open invitations survive a rotation, so token keys stay longest; data keys
stay as long as anything is sealed under them, and an identity has no overlap: peers pin exactly one."""

KEY_AGE: Final = timedelta(days=365)
"""Age at which an active key should be replaced."""

ROTATABLE: Final = frozenset({KeyPurpose.HTTP, KeyPurpose.TOKEN, KeyPurpose.DATA})
PUBLISHED_STATES: Final = (KeyState.PRE_ACTIVE, KeyState.ACTIVE, KeyState.RETIRING)
VERIFYING_STATES: Final = (KeyState.ACTIVE, KeyState.RETIRING)

READERS: Final = (Role.SN_KMF_ADMIN, Role.SN_KMF_CRYPTOGRAPHIC_MANAGER, Role.SN_KMF_CRYPTOGRAPHIC_AUDITOR)
MANAGERS: Final = (Role.SN_KMF_CRYPTOGRAPHIC_MANAGER,)


@dataclass(frozen=True, slots=True)
class Key:
    """One key, without its private half."""

    kid: str
    """RFC 7638 thumbprint; of a data key, a UUIDv7."""
    purpose: KeyPurpose
    state: KeyState
    algorithm: str
    jwk: dict[str, str] | None
    """The public half; None for data keys, which have none."""
    staged_sequence: int
    created_at: datetime
    activated_at: datetime | None
    retiring_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of envelopes, and the column that names its rows in them."""

    table: str
    row: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"

    @property
    def names(self) -> tuple[str, str, str]:
        """Table, row and column."""
        return self.table, self.row, self.column


@dataclass(frozen=True, slots=True)
class Batch:
    """What rewrapping a few rows of one column has come to."""

    moved: int
    left: int
    """Sealed under a master key that is not given, or damaged: they stay as they are."""
    last: str | None
    """The row to go on after; None when there is no more."""


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What rewrapping everything has come to, by table and column."""

    moved: Mapping[str, int]
    left: Mapping[str, int]
    """What could not be moved; an earlier master key may be dropped once nothing is left."""

    @property
    def total(self) -> int:
        """How many envelopes were moved."""
        return sum(self.moved.values())

    def told(self, master: str) -> list[str]:
        """Return what an operator is told, one line a column and the sum; ``master``: id of the present master key."""
        columns = [
            f"{place}: {count} sealed anew" + (f", {left} left: they do not open" if left else "")
            for place, count in self.moved.items()
            for left in [self.left.get(place, 0)]
        ]
        return [*columns, f"{self.total} in all under the master key {master}."]


@dataclass(frozen=True, slots=True)
class Notice:
    """The key set peers have to be told, and who has not acknowledged it."""

    sequence: int
    statement: SignedStatement
    connection_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Compromised:
    """What giving up a key has led to."""

    key: Key
    successor: Key | None
    """The key that took over at once; None where the given up one was not in use."""
    connections_suspended: bool
    """True when the identity was lost: nobody may trust this instance until it is re-keyed."""


class Colour(StrEnum):
    """How one node of the diagnosis does."""

    GREEN = "green"
    GREY = "grey"
    """Not in use."""
    YELLOW = "yellow"
    RED = "red"


class Verdict(StrEnum):
    """The whole diagnosis in one word, for everybody."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class HealthNode:
    """One diagnosis: a leaf was looked at, a parent follows from its children."""

    name: str
    """Stable, snake_case."""
    title: str
    colour: Colour
    found: str = ""
    cause: str = ""
    fix: str = ""
    children: tuple["HealthNode", ...] = ()

    def leaves(self) -> list["HealthNode"]:
        """Return every leaf beneath, or the node itself."""
        return [leaf for child in self.children for leaf in child.leaves()] if self.children else [self]


def parent(name: str, title: str, children: Sequence[HealthNode]) -> HealthNode:
    """Return the node above ``children``: grey if all are, failed if all fail, degraded if any does (onboarding.md)."""
    return HealthNode(name, title, colour_of([child.colour for child in children]), children=tuple(children))


def colour_of(colours: Collection[Colour]) -> Colour:
    """Return a parent's colour; what is not in use counts neither way."""
    used = {colour for colour in colours if colour is not Colour.GREY}
    if not used:
        return Colour.GREY
    if len(used) == 1:
        return used.pop()
    return Colour.YELLOW


def verdict(root: HealthNode) -> Verdict:
    """Return the plain verdict of a whole tree."""
    return {Colour.RED: Verdict.FAILED, Colour.YELLOW: Verdict.DEGRADED}.get(root.colour, Verdict.HEALTHY)


def waiting_for(staged_sequence: int, acknowledged: Mapping[str, int], active: Collection[str]) -> list[str]:
    """Return the active connections whose peers do not know the key set ``staged_sequence`` yet."""
    return sorted(name for name in active if acknowledged.get(name, 0) < staged_sequence)


def overlap_over(key: Key, now: datetime) -> bool:
    """Tell whether a retiring key has verified long enough."""
    span = OVERLAP.get(key.purpose)
    return span is not None and key.retiring_at is not None and now >= key.retiring_at + span
