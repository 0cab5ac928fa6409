"""Mails as the API shows them."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from consumer_service.audit.schemas import FilterText
from consumer_service.mail.domain import MailStatus, Template, canonical_address
from shared.transport.conventions import PAGE_DEFAULT, PageCursor, PageLimit
from shared.wire.errors import Invalid


def _address(text: str) -> str:
    try:
        return canonical_address(text)
    except Invalid as error:
        raise PydanticCustomError("email_invalid", "Not a mail address") from error


MailAddress = Annotated[str, Field(max_length=254), AfterValidator(_address)]
"""A mail address in its one spelling."""


class MailQuery(BaseModel):
    """Which mails, and which page of them."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None
    related_type: FilterText = None
    related_id: FilterText = None
    status: MailStatus | None = None


class MailView(BaseModel):
    """A mail and how far it got; its content is not kept."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: str
    recipient: str
    template: Template
    language: str
    related_type: str
    """What the mail is about, for instance `registration`."""
    related_id: str
    status: MailStatus
    """`failed` is tried again; `dropped` is not."""
    attempts: int
    problem: str
    created_at: datetime
    next_attempt_at: datetime | None
    settled_at: datetime | None


class TestMailRequest(BaseModel):
    """Whom to send a test mail."""

    __test__ = False  # not a test case, whatever its name looks like to pytest
    model_config = ConfigDict(extra="forbid")

    to: MailAddress
    language: str = Field("en", pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
