"""Companies, contacts and declared attributes as the API shows and takes them."""

from datetime import date, datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from provider_service.accounts.domain import (
    Address,
    AttributeFacts,
    AttributeRecord,
    AttributeType,
    CompanyContactRecord,
    CompanyFacts,
    CompanyRecord,
    ContactFacts,
    ContactRecord,
    DeclaredFor,
)
from provider_service.audit.schemas import PLAIN, FilterText, LineText
from provider_service.mail.schemas import MailAddress
from shared.transport.conventions import PAGE_DEFAULT, PageCursor, PageLimit
from shared.wire.states import Role

CompanyId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
Domain = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.-]+$")]
AttributeCode = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
ShortText = Annotated[str, Field(min_length=1, max_length=150, pattern=PLAIN)]
Phone = Annotated[str, Field(min_length=1, max_length=60, pattern=PLAIN)]
AddressLine = Annotated[str, Field(min_length=1, max_length=240, pattern=PLAIN)]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]
Attributes = Annotated[dict[str, Any], Field(max_length=100)]
"""Values of declared attributes, by code; their types are checked against the declarations."""


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
    verified_domains: list[Domain] = Field(default=[], max_length=100)
    """Those of its domains that were found to be its own indeed."""
    attributes: Attributes = {}
    """Values of the attributes declared for companies, by code."""
    key_secret: bool = False
    """Whether the key by which people name it when they register is known to its own people only."""

    def facts(self) -> CompanyFacts:
        """Return it as the use case takes it."""
        return CompanyFacts(
            self.name,
            self.external_key,
            tuple(self.domains),
            self.parent_id,
            self.active,
            tuple(self.verified_domains),
            self.attributes,
            self.key_secret,
        )


class CompanyContactCreate(_Request):
    """A person to make a company's contact; user and contact are made unless the address has them."""

    email: MailAddress
    name: LineText
    language: str = Field("en", pattern=r"^[a-z]{2}(-[A-Z]{2})?$")
    grant_consumer_role: bool = True
    """Whether the person gets the role `sn_sb_pro.consumer`, which registering takes."""
    send_welcome: bool = True
    """Whether a person without a password gets a mail to set one."""


class CompanyContactPatch(_Request):
    """What can be changed of a company's contact; the person is changed as a contact, or in the directory."""

    enabled: bool


class PostalAddress(_Request):
    """A postal address."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    line1: AddressLine | None = None
    line2: AddressLine | None = None
    city: ShortText | None = None
    state: ShortText | None = None
    province: ShortText | None = None
    postal_code: ShortText | None = None
    country: ShortText | None = None
    type: ShortText | None = None


class ContactWrite(_Request):
    """A person as it is made or changed."""

    email: MailAddress
    name: Annotated[str, Field(max_length=200, pattern=PLAIN)] = ""
    """How the person is shown; made of the names, or else the address, where empty."""
    first_name: ShortText | None = None
    middle_name: ShortText | None = None
    last_name: ShortText | None = None
    work_phone: Phone | None = None
    mobile_phone: Phone | None = None
    home_phone: Phone | None = None
    date_of_birth: date | None = None
    place_of_birth: ShortText | None = None
    addresses: list[PostalAddress] = Field(default=[], max_length=2)
    """The primary one first."""
    attributes: Attributes = {}
    """Values of the attributes declared for contacts, by code."""
    language: Language = "en"
    category: Annotated[str, Field(max_length=60, pattern=PLAIN)] = ""
    user_id: CompanyId | None = None
    """The stamp: the person's user in the identity directory. A user stamps one contact."""
    active: bool = True

    def facts(self) -> ContactFacts:
        """Return it as the use case takes it."""
        given = self.model_dump(exclude={"addresses"})
        return ContactFacts(**given, addresses=tuple(Address(**one.model_dump()) for one in self.addresses))


class ContactMerge(_Request):
    """Who the contact was found to be."""

    into_id: CompanyId
    """The contact that stays; the other one points to it from then on."""


class AttributeWrite(_Request):
    """What can be changed of a declared attribute."""

    label: LineText
    required: bool = False
    """Counts from the next change of each owner on."""
    choices: list[LineText] = Field(default=[], max_length=200)
    """The values of a choice."""

    def facts(self) -> AttributeFacts:
        """Return it as the use case takes it."""
        return AttributeFacts(self.label, self.required, tuple(self.choices))


class AttributeCreate(AttributeWrite):
    """An attribute to declare."""

    object: DeclaredFor
    code: AttributeCode
    """Ends in `_c`."""
    type: AttributeType
    unique: bool = False
    """Whether a value belongs to one company only; such an attribute can be the account key."""


class CompanyQuery(BaseModel):
    """Which companies, and which page of them."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None
    external_key: FilterText = None
    active: bool | None = None


class ContactQuery(BaseModel):
    """Which contacts, and which page of them."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None
    email: FilterText = None
    company_id: FilterText = None
    user_id: FilterText = None
    stamped: bool | None = None
    """Whether the contact has a user."""


class AttributeQuery(BaseModel):
    """Which declared attributes."""

    object: DeclaredFor | None = None


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
    verified_domains: list[str]
    attributes: dict[str, Any]
    key_secret: bool
    created_at: datetime
    updated_at: datetime
    version: int
    """The ETag is this number in quotes."""

    @classmethod
    def of(cls, record: CompanyRecord) -> Self:
        """Return how the API shows ``record``."""
        shown = {name: getattr(record, name) for name in cls.model_fields}
        lists = {"domains": list(record.domains), "verified_domains": list(record.verified_domains)}
        return cls.model_validate(shown | lists)


class CompanyContactView(BaseModel):
    """A company's contact. Of one with a user, name, address and language are the user's: who signs in."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    """The contact's."""
    company_id: str
    company_name: str
    user_id: str | None
    email: str
    name: str
    language: str
    active: bool
    """Whether the contact may act: it, its user, its company and the tie between them are active."""
    enabled: bool
    """Whether the tie to the company is switched on."""
    has_password: bool
    roles: list[Role]
    created_at: datetime
    updated_at: datetime
    version: int
    """The ETag is this number in quotes."""

    @classmethod
    def of(cls, record: CompanyContactRecord) -> Self:
        """Return how the API shows ``record``."""
        shown = {name: getattr(record, name) for name in cls.model_fields}
        return cls.model_validate(shown | {"roles": sorted(record.roles)})


class ContactView(BaseModel):
    """A person we know of."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: str
    email: str
    name: str
    first_name: str | None
    middle_name: str | None
    last_name: str | None
    work_phone: str | None
    mobile_phone: str | None
    home_phone: str | None
    date_of_birth: date | None
    place_of_birth: str | None
    addresses: list[PostalAddress]
    attributes: dict[str, Any]
    language: str
    category: str
    user_id: str | None
    """The stamp: the person's user in the identity directory."""
    active: bool
    merged_into: str | None
    """The contact it was found to be; nothing else is kept up to date then."""
    created_at: datetime
    updated_at: datetime
    version: int
    """The ETag is this number in quotes."""

    @classmethod
    def of(cls, record: ContactRecord) -> Self:
        """Return how the API shows ``record``."""
        return cls.model_validate(record)


class AttributeView(BaseModel):
    """A declared attribute."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    object: DeclaredFor
    code: str
    type: AttributeType
    label: str
    unique: bool
    required: bool
    choices: list[str]
    created_at: datetime
    updated_at: datetime
    version: int
    """The ETag is this number in quotes."""

    @classmethod
    def of(cls, record: AttributeRecord) -> Self:
        """Return how the API shows ``record``."""
        return cls.model_validate(record)


class AttributeList(BaseModel):
    """What is declared, by object and code."""

    items: list[AttributeView]
