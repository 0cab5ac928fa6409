"""Requests for access as the API shows and takes them."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from consumer_service.audit.schemas import PLAIN
from consumer_service.self_service.domain import Handover
from consumer_service.self_service.service import AccessRequest, state_of
from shared.transport.conventions import PAGE_DEFAULT, PageCursor, PageLimit
from shared.wire.problems import Problem
from shared.wire.self_service import RequestState

Place = Annotated[str, Field(min_length=1, max_length=64, pattern=PLAIN)]


class AccessRequestCreate(BaseModel):
    """Access at a provider, asked for a person of this instance."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    connection_id: Place
    user_id: Place
    """A person of this instance's directory; the mail address is that person's."""
    attributes: Annotated[dict[Annotated[str, Field(max_length=64)], Any], Field(max_length=140)] = {}
    """By the seed's names: `FirstName`, `LastName`, phones, addresses, and what the provider has declared (`_c`)."""


class AccessRequestQuery(BaseModel):
    """Which requests, and which page of them."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None
    connection_id: Annotated[str | None, Field(max_length=64, pattern=PLAIN)] = None
    user_id: Annotated[str | None, Field(max_length=64, pattern=PLAIN)] = None


class AccessRequestView(BaseModel):
    """A request for access at a provider."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    connection_id: str
    user_id: str
    name: str
    email: str
    asked_by: str
    handover: Handover
    """How far it has come to the provider."""
    state: RequestState | None
    """How it stands there, as it was last told."""
    problem: Problem | None
    """Why the provider will not have it, or what the last call met."""
    checked_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, row: AccessRequest) -> Self:
        """Return how the API shows a request."""
        return cls(
            id=row.id,
            connection_id=row.connection_id,
            user_id=row.user_id,
            name=row.name,
            email=row.email,
            asked_by=row.asked_by,
            handover=Handover(row.handover),
            state=state_of(row),
            problem=None if row.problem is None else Problem.model_validate(row.problem),
            checked_at=row.checked_at,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
