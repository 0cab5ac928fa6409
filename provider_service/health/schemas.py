"""Issues and checks as the API shows them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from provider_service.checks import Check
from provider_service.health.domain import Filter, Issue, IssueState
from shared.transport.conventions import PAGE_DEFAULT, PageCursor, PageLimit
from shared.wire.states import Severity

Word = Annotated[str | None, Field(max_length=80)]


class IssueQuery(BaseModel):
    """Which issues, and which page of them."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None
    state: Annotated[list[IssueState] | None, Field(max_length=3)] = None
    severity: Severity | None = None
    check_id: Word = None
    subject_type: Word = None
    subject_id: Word = None
    assigned_to: Word = None

    def chosen(self) -> Filter:
        """Return the filter without the page."""
        return Filter(
            states=tuple(self.state or ()),
            **self.model_dump(include={"severity", "check_id", "subject_type", "subject_id", "assigned_to"}),
        )


class IssueView(BaseModel):
    """One thing that is not as it should be."""

    model_config = ConfigDict(use_attribute_docstrings=True, from_attributes=True)

    id: str
    check_id: str
    item: str
    """Tells several findings of one check apart."""
    title: str
    severity: Severity
    """Only an `error` blocks."""
    subject_type: str
    subject_id: str
    found: str
    cause: str
    fix: str
    state: IssueState
    """`muted`: hidden with a reason; an error blocks all the same."""
    muted_reason: str
    assigned_to: str | None
    """Id of a user."""
    first_detected_at: datetime
    last_detected_at: datetime
    resolved_at: datetime | None
    count: int
    """How often it was found."""

    @classmethod
    def of(cls, issue: Issue) -> "IssueView":
        """Return the view of an issue."""
        return cls.model_validate(issue)


class IssuePatch(BaseModel):
    """What may change about an issue by hand (JSON Merge Patch)."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    assigned_to: str | None = Field(default=None, max_length=36)
    """Id of a user; null: nobody."""
    muted_reason: str | None = Field(default=None, min_length=1, max_length=500)
    """Mutes the issue, saying why; null: it is shown again."""


class ValidationRequest(BaseModel):
    """Whom to check now."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    subject_type: str = Field(default="instance", max_length=40)
    subject_id: str = Field(default="self", max_length=80)


class ValidationView(BaseModel):
    """What a run of every check of a subject has left."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    subject_type: str
    subject_id: str
    issues: list[IssueView]
    """Those not resolved."""
    blocked: bool
    """Whether an error is among them."""


class CheckView(BaseModel):
    """One check of the catalogue."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    title: str
    severity: Severity
    scope: str
    """Type of the subjects it is asked of."""
    watches: list[str]
    """Words whose change makes it run again at once."""

    @classmethod
    def of(cls, check: Check) -> "CheckView":
        """Return the view of a check."""
        return cls(
            id=check.id, title=check.title, severity=check.severity, scope=check.scope, watches=list(check.watches)
        )


class CheckCatalogue(BaseModel):
    """Every check of this service."""

    items: list[CheckView]
