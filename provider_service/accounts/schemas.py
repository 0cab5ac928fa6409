"""Companies and contacts as the API shows and takes them."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from provider_service.accounts.domain import CompanyFacts, CompanyRecord, ContactRecord
from provider_service.audit.schemas import FilterText, LineText
from provider_service.mail.schemas import MailAddress
from shared.transport.conventions import PAGE_DEFAULT, PageCursor, PageLimit
from shared.wire.states import Role

CompanyId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Domain = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.-]+$")]


class _Request(BaseModel):
    """A body we take: exactly the members listed, so that nothing else can be assigned."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class CompanyWrite(_Request):
    """A company as it is made or changed."""

    name: LineText
    external_key: LineText | None = None
    """What another system calls it; unique."""
    domains: list[Domain] = Field(default=[], max_length=100)
    """Mail domains of its own."""
    parent_id: CompanyId | None = None
    active: bool = True

    def facts(self) -> CompanyFacts:
        """Return it as the use case takes it."""
        return CompanyFacts(self.name, self.external_key, tuple(self.domains), self.parent_id, self.active)


class ContactCreate(_Request):
    """A person to make a contact; a user is made unless the address has one."""

    email: MailAddress
    name: LineText
    language: str = Field("en", pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    grant_consumer_role: bool = True
    """Whether the person gets the role `sn_sb_pro.consumer`, which registering takes."""
    send_welcome: bool = True
    """Whether a person without a password gets a mail to set one."""


class ContactPatch(_Request):
    """What can be changed of a contact; the person is changed in the directory."""

    enabled: bool


class CompanyQuery(BaseModel):
    """Which companies, and which page of them."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None
    external_key: FilterText = None
    active: bool | None = None


class PageQuery(BaseModel):
    """Which page."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None


class CompanyView(BaseModel):
    """A company."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: str
    name: str
    external_key: str | None
    domains: list[str]
    parent_id: str | None
    active: bool
    created_at: datetime
    updated_at: datetime
    version: int
    """The ETag is this number in quotes."""

    @classmethod
    def of(cls, record: CompanyRecord) -> Self:
        """Return how the API shows ``record``."""
        shown = {name: getattr(record, name) for name in cls.model_fields}
        return cls.model_validate(shown | {"domains": list(record.domains)})


class ContactView(BaseModel):
    """A company's contact."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    company_id: str
    company_name: str
    user_id: str
    email: str
    name: str
    language: str
    active: bool
    """Whether the contact may act: it, its user and its company are active."""
    enabled: bool
    """Whether the contact itself is switched on."""
    has_password: bool
    roles: list[Role]
    created_at: datetime
    updated_at: datetime
    version: int
    """The ETag is this number in quotes."""

    @classmethod
    def of(cls, record: ContactRecord) -> Self:
        """Return how the API shows ``record``."""
        shown = {name: getattr(record, name) for name in cls.model_fields}
        return cls.model_validate(shown | {"roles": sorted(record.roles)})
