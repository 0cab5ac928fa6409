"""What the operator and integrator API says about registration tasks."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.wire.states import RegistrationState
from shared.wire.version import REGISTRATION_TOKEN_HOURS


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class RegistrationCreate(_Body):
    """What it takes to open a registration task."""

    company_id: str = Field(min_length=1, max_length=36)
    contact_id: str = Field(min_length=1, max_length=36)
    """A contact of that company."""
    consumer_url: str = Field(min_length=1, max_length=300, examples=["https://desk.customer.example"])
    """Address of the consumer's instance: an https origin."""
    environment: str = Field(default="", max_length=40, examples=["production"])
    token_hours: int = Field(default=REGISTRATION_TOKEN_HOURS, ge=1, le=720)
    """Life of the link in hours."""


class RekeyingCreate(_Body):
    """What it takes to give a suspended connection other keys by a new invitation."""

    connection_id: str = Field(min_length=1, max_length=36)
    """The suspended connection; company, address and environment are its own."""
    contact_id: str = Field(min_length=1, max_length=36)
    """A contact of the connection's company, who compares the code and allows it."""
    token_hours: int = Field(default=REGISTRATION_TOKEN_HOURS, ge=1, le=720)
    """Life of the link in hours."""


class RegistrationPatch(_Body):
    """What may be changed until the consumer has announced itself; contact and URL void the link."""

    contact_id: str = Field(min_length=1, max_length=36)
    consumer_url: str = Field(min_length=1, max_length=300)
    environment: str = Field(max_length=40)
    token_hours: int = Field(ge=1, le=720)


class EntryCreate(_Body):
    """A comment (the contact may see it) or a work note (internal)."""

    kind: Literal["comment", "work_note"]
    text: str = Field(min_length=1, max_length=8000)


class Reason(_Body):
    """Why."""

    reason: str = Field(default="", max_length=500)


class EntryView(BaseModel):
    """A comment or work note."""

    id: str
    kind: str
    author: str
    text: str
    created_at: datetime


class LinkView(BaseModel):
    """How the link stands; never the link itself."""

    state: str
    """issued, expired, revoked or used."""
    issued_at: datetime
    expires_at: datetime


class CopiedLink(BaseModel):
    """The link, handed out by an audited *Copy link*."""

    link: str


class RegistrationView(BaseModel):
    """A registration task."""

    number: str = Field(examples=["REG0000001"])
    company_id: str
    company: str
    contact_id: str
    contact: str
    consumer_url: str
    environment: str
    state: RegistrationState
    reason: str
    token_hours: int
    link: LinkView | None
    open_issues: int
    """Issues on the Health Dashboard that block this task."""
    opened_by: str
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    connection_id: str | None
    rekeys: str | None = None
    """The suspended connection this task gives other keys; None for one that makes a connection."""
    version: int
