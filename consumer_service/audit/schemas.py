"""The audit trail and the feed of events as the API shows them."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from consumer_service.audit.domain import ActorKind
from shared.transport.conventions import PAGE_DEFAULT, PageCursor, PageLimit

PLAIN: Final = r"^[^\x00-\x1f\x7f]*$"
"""One line of text: no control characters, which no database stores and no page shows."""

FilterText = Annotated[str | None, Field(max_length=200, pattern=PLAIN)]
LineText = Annotated[str, Field(min_length=1, max_length=200, pattern=PLAIN)]
"""A name or title."""
EntityId = Annotated[str, Path(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
"""An id in a path."""


class AuditQuery(BaseModel):
    """Which entries of the trail, and which page of them."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None
    action: FilterText = None
    subject_type: FilterText = None
    subject_id: FilterText = None
    actor_id: FilterText = None
    number: FilterText = None

    def filters(self) -> dict[str, str | None]:
        """Return the filters by column."""
        return self.model_dump(include={"action", "subject_type", "subject_id", "actor_id", "number"})


class ActorView(BaseModel):
    """Who acted."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    kind: ActorKind
    id: str
    name: str


class AuditEntryView(BaseModel):
    """One change, as the audit trail keeps it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: int
    at: datetime
    actor: ActorView
    address: str
    """Network address the change came from; empty where there was none."""
    action: str
    """`noun.verb`, for instance `user.created`."""
    subject_type: str
    subject_id: str
    number: str
    """Human number of the subject, where it has one."""
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class EventView(BaseModel):
    """Something happened; read the subject to learn what it is like now."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    cursor: str
    """Pass as `after` to go on behind this event."""
    at: datetime
    type: str
    """`noun.verb`, for instance `incident.created`."""
    actor: ActorView
    subject_type: str
    subject_id: str
    number: str
    changed: list[str]
    """Names of the members that differ from before."""


class EventPage(BaseModel):
    """Events, the oldest first."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    items: list[EventView]
    next_after: str | None
    """Where to go on; keep it also when `items` is empty."""
