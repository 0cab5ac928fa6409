"""What the identity directory does not know yet: which group of which person, and when it is told again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

CLAIM: Final = timedelta(minutes=2)
"""How long whoever tells the directory keeps others from telling it the same; more than its calls can take."""
_FIRST: Final = timedelta(seconds=15)
_LONGEST: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SyncRecord:
    """A group of a person that the directory may not have as the roles say."""

    id: str
    user_id: str
    """The person's GUID in the directory."""
    role: str
    """The role whose group it is."""
    granted: bool
    """Whether the person is to be in it: some account still gives the role."""
    tries: int
    failure: str | None
    """Why the directory could not be told last time."""
    created_at: datetime
    due_at: datetime
    """When it is told (again)."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A sync that is being carried out."""

    id: str
    user_id: str
    role: str
    granted: bool
    version: int
    """By which is seen whether the roles changed meanwhile."""
    until: datetime


def wait_after(tries: int, asked: int | None) -> timedelta:
    """Return how long to wait after so many tries; ``asked``: seconds the directory asked for."""
    wait = min(_FIRST * (1 << min(tries, 10) - 1), _LONGEST)
    return wait if asked is None else max(wait, timedelta(seconds=asked))
