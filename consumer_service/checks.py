"""What a check is. Every slice states its own in ``checks.py``; the `health` slice runs them and keeps the issues."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from consumer_service.context import Context
from shared.wire.states import Severity


@dataclass(frozen=True, slots=True)
class Subject:
    """What a check looks at: ``instance``, ``registration``, ``connection``, ... and its id."""

    type: str
    id: str


THIS_INSTANCE = Subject("instance", "self")
"""The subject of every check about the instance as a whole."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be, told so that the reader can remove it."""

    found: str
    cause: str
    fix: str
    item: str = ""
    """Tells findings of one check apart (a key id, a file); stable from run to run."""
    severity: Severity | None = None
    """Where it differs from the check's own."""
    watches: tuple[str, ...] = ()
    """What to watch besides the check's own words, for instance ``user:0192…``."""


@dataclass(frozen=True, slots=True)
class Check:
    """One named question, asked of every subject of its scope (design: onboarding.md, *Pre-onboarding scan*)."""

    id: str
    """``<slice>.<what>``; stable, integrators and mutes refer to it."""
    title: str
    severity: Severity
    scope: str
    """The type of subject it is asked of."""
    run: Callable[[Context, Subject], Awaitable[list[Finding]]]
    """Returns nothing when all is well."""
    watches: tuple[str, ...] = ()
    """Words of `health.service.touch`: a change of any of them makes the subject due for a new run."""
