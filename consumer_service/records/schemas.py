"""What the operator and integrator API says about records."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.wire.incident import IncidentFields


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class IncidentCreate(_Body):
    """A new incident, shared over a connection where one is given."""

    fields: IncidentFields
    connection_id: str | None = Field(default=None, max_length=36)


class CommentCreate(_Body):
    """A comment (travels to every peer) or a work note (never leaves)."""

    kind: Literal["comment", "work_note"] = "comment"
    text: str = Field(min_length=1, max_length=8000)


class ShareCreate(_Body):
    """Share an incident over a connection."""

    connection_id: str = Field(min_length=1, max_length=36)


class Operation(_Body):
    """One step of a bulk call. Name an existing incident by id, number, or the ref of an earlier create."""

    op: Literal["create", "update", "comment"]
    ref: str | None = Field(default=None, max_length=80)
    """Your own name for the incident within this call."""
    id: str | None = Field(default=None, max_length=36)
    number: str | None = Field(default=None, max_length=20)
    fields: IncidentFields | None = None
    text: str | None = Field(default=None, min_length=1, max_length=8000)

    @model_validator(mode="after")
    def _complete(self) -> "Operation":
        if self.op == "comment" and self.text is None:
            raise ValueError("a comment needs text")
        if self.op != "comment" and self.fields is None:
            raise ValueError("create and update need fields")
        return self

    def values(self) -> dict[str, Any]:
        """Return the fields given."""
        return self.fields.model_dump(exclude_unset=True) if self.fields else {}


class Bulk(_Body):
    """Up to 100 operations, carried out in order in one transaction; creates are shared over the connection."""

    connection_id: str | None = Field(default=None, max_length=36)
    operations: list[Operation] = Field(min_length=1, max_length=100)


class OperationResult(BaseModel):
    """What became of one operation."""

    ref: str | None
    id: str | None
    number: str | None
    status: int
    problem: dict[str, Any] | None = None


class BulkAnswer(BaseModel):
    """One result an operation, in their order."""

    items: list[OperationResult]


class IncidentView(BaseModel):
    """An incident."""

    id: str
    number: str
    origin: str
    """``local``, or the connection it came over."""
    fields: dict[str, str]
    created_at: datetime
    updated_at: datetime
    version: int


class CommentView(BaseModel):
    """A comment or work note."""

    id: str
    kind: str
    author: str
    text: str
    origin: str
    created_at: datetime


class BondView(BaseModel):
    """Our copy and the peer's, tied together."""

    id: str
    connection_id: str
    incident_id: str
    state: str
    opened_by_us: bool
    peer_record_id: str | None
    peer_number: str | None
    sent_sequence: int
    received_sequence: int
    problem: dict[str, Any] | None
    created_at: datetime
    updated_at: datetime
    applied_at: datetime | None = None
    """When the peer applied our first message over this bond, which for a record shared from here makes its copy."""
