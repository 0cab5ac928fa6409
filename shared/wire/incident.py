"""The first record type (design: exchange.md, *Records*; issue 1, *First exchange*)."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from shared.wire.messages import Id, Time
from shared.wire.model import WireModel

Short = Annotated[str, Field(max_length=160)]
Word = Annotated[str, Field(max_length=80)]


class IncidentFields(WireModel):
    """The fields of an incident that travel. A member that is absent is unchanged; null empties it."""

    model_config = ConfigDict(extra="forbid")

    short_description: Short | None = None
    description: Annotated[str, Field(max_length=8000)] | None = None
    state: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    """The sender's own state; mapping comes with record type definitions."""
    impact: Word | None = None
    urgency: Word | None = None
    priority: Word | None = None
    category: Word | None = None
    subcategory: Word | None = None
    caller: Word | None = None
    assignment_group: Word | None = None
    assigned_to: Word | None = None
    location: Word | None = None
    contact_type: Word | None = None
    close_code: Word | None = None
    opened_at: Time | None = None
    resolved_at: Time | None = None
    closed_at: Time | None = None


class IncidentData(WireModel):
    """Data of an ``incident`` message. The lane is the bond's id."""

    op: Literal["create", "update"]
    record_id: Id
    """The sender's id of the record."""
    number: Annotated[str, Field(min_length=1, max_length=40)]
    """The sender's own number of the record."""
    change_id: Id
    """Names this change wherever it travels; an echo is recognised by it."""
    seen: int = Field(ge=0)
    """The highest sequence of this lane the sender had applied from the peer when it made the change."""
    fields: IncidentFields


class CommentData(WireModel):
    """Data of an ``incident.comment`` message: an append-only entry of the bond's record."""

    comment_id: Id
    author: Annotated[str, Field(max_length=120)]
    """A claim of the sender: name and company."""
    time: Time
    text: Annotated[str, Field(min_length=1, max_length=8000)]
