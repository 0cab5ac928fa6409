"""Who acts, what an entry says, and what must never stand in one."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

ActorKind = Literal["user", "token", "peer", "system", "operator"]

SECRET_WORDS: Final = ("password", "secret", "private", "credential", "csrf", "cookie", "bearer", "sealed")
"""A member whose name holds one of these words is never written down."""

WITHHELD: Final = "[withheld]"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that changes things."""

    kind: ActorKind
    id: str
    name: str
    address: str = ""
    """Network address the request came from, where there was one."""


SYSTEM: Final = Actor("system", "system", "system")
"""The service itself: timers, the delivery loop, checks."""


class Entry(NamedTuple):
    """One change, before it is written."""

    actor: Actor
    action: str
    """``noun.verb`` in the past tense, for instance ``incident.created``."""
    subject_type: str
    subject_id: str
    number: str = ""
    """The subject's human number, where it has one."""
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the feed of events: entries are served in this order, and nothing is ever put in behind it."""

    transaction: int
    entry: int

    def to_text(self) -> str:
        """Return it as integrators keep it."""
        return f"{self.transaction}.{self.entry}"

    @classmethod
    def from_text(cls, text: str) -> "Position":
        """Read it back; raise ValueError for anything `to_text` would not have written."""
        transaction, _, entry = text.partition(".")
        if not all(part.isascii() and part.isdigit() and len(part) <= 19 for part in (transaction, entry)):
            raise ValueError("not a position")
        position = cls(int(transaction), int(entry))
        if max(position.transaction, position.entry) > 2**63 - 1:
            raise ValueError("not a position")
        return position


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return only the members that differ, as they were and as they are."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


def without_secrets(values: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the members, those with a secret-looking name withheld; a last line of defence, not a licence."""
    secret = _secret_ones(tuple(values)) if values else None
    return {**values, **dict.fromkeys(secret, WITHHELD)} if values and secret else values


@lru_cache(maxsize=1000)
def _secret_ones(names: tuple[str, ...]) -> list[str]:
    return [name for name in names if any(word in name.lower() for word in SECRET_WORDS)]
