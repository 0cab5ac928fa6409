"""Groups and SCIM clients as the API shows and takes them."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from provider_service.audit.schemas import LineText
from provider_service.scim.service import NewClient
from shared.transport.conventions import PAGE_DEFAULT, PageCursor, PageLimit


class _Request(BaseModel):
    """A body we take: exactly the members listed, so that nothing else can be assigned."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ScimClientCreate(_Request):
    """Another system that is to provision people here."""

    name: LineText


class GroupCreate(_Request):
    """A group to make."""

    name: LineText
    privileged: bool = False
    """What it grants is decided here: SCIM clients may be shown it, and never write it."""
    members: list[str] = Field(default=[], max_length=1000)
    """Ids of people."""


class ListQuery(BaseModel):
    """Which page of a list."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None


class ScimClientView(BaseModel):
    """A SCIM client, without its token."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: str
    name: str
    prefix: str
    """The first characters of the token, to recognise it by."""
    created_at: datetime
    revoked_at: datetime | None


class NewScimClientView(ScimClientView):
    """A SCIM client that has just been made."""

    token: str | None
    """The token itself. It is shown in the first answer only; nobody can read it again."""

    @classmethod
    def shown(cls, made: NewClient, *, secret: bool) -> Self:
        """Return a fresh client with its token, or as a repeated call sees it, without."""
        view = ScimClientView.model_validate(made.client).model_dump()
        return cls.model_validate(view | {"token": made.secret if secret else None})


class GroupView(BaseModel):
    """A group of people of the directory."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: str
    name: str
    privileged: bool
    members: list[str]
    """Ids of its people."""
    created_at: datetime
    updated_at: datetime
    version: int
