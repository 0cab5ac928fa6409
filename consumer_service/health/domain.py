"""Issues as values, the catalogue of checks, and when a subject is looked at again."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from consumer_service.checks import Check, Finding, Subject
from shared.wire.states import Severity

CHECK_SECONDS: Final = 10.0
"""Deadline of one check; an unanswered one is a finding."""

RECHECK_FAILING: Final = timedelta(minutes=1)
RECHECK_HEALTHY: Final = timedelta(minutes=15)


class IssueState(StrEnum):
    """What became of a finding."""

    OPEN = "open"
    MUTED = "muted"
    """Known and not to be shown; an error blocks all the same."""
    RESOLVED = "resolved"


UNRESOLVED: Final = (IssueState.OPEN, IssueState.MUTED)


@dataclass(frozen=True, slots=True)
class Issue:
    """One finding of one check about one subject."""

    id: str
    check_id: str
    item: str
    title: str
    severity: Severity
    subject_type: str
    subject_id: str
    found: str
    cause: str
    fix: str
    state: IssueState
    muted_reason: str
    assigned_to: str | None
    """Id of a user."""
    first_detected_at: datetime
    last_detected_at: datetime
    resolved_at: datetime | None
    count: int
    """How often it was found."""
    version: int

    @property
    def subject(self) -> Subject:
        """What it is about."""
        return Subject(self.subject_type, self.subject_id)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which issues to list; None lets everything pass."""

    states: tuple[IssueState, ...] = ()
    severity: Severity | None = None
    check_id: str | None = None
    subject_type: str | None = None
    subject_id: str | None = None
    assigned_to: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What one check has found on one run; nothing means that all is well."""

    check: Check
    findings: tuple[Finding, ...]


class CheckRegistry:
    """Every check of this service by id; made by the composition root. Raises `ValueError` for an id used twice."""

    def __init__(self, checks: Iterable[Check]) -> None:
        self._checks: dict[str, Check] = {}
        for check in checks:
            if check.id in self._checks:
                raise ValueError(f"Two checks are called {check.id}")
            self._checks[check.id] = check

    def all(self) -> list[Check]:
        """Return every check, in the order of registration."""
        return list(self._checks.values())

    def of(self, subject: Subject) -> list[Check]:
        """Return the checks that are asked of ``subject``."""
        return [check for check in self._checks.values() if check.scope == subject.type]


def watched_words(results: Iterable[Result]) -> str:
    """Return all words the checks and their findings watch, each between blanks."""
    words = {word for result in results for word in result.check.watches}
    words |= {word for result in results for finding in result.findings for word in finding.watches}
    return " " + "".join(f"{word} " for word in sorted(words))


def next_check(now: datetime, *, failing: bool) -> datetime:
    """Return when a subject is looked at again by itself."""
    return now + (RECHECK_FAILING if failing else RECHECK_HEALTHY)
