"""Identity providers and linked accounts as the API shows and takes them."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from provider_service.audit.schemas import LineText
from provider_service.oidc.domain import DEFAULT_SCOPES, Identity, LinkedBy, Provider, ProviderFacts
from shared.transport.conventions import PAGE_DEFAULT, PageCursor, PageLimit


def _issuer(text: str) -> str:
    """An issuer is compared letter by letter, so it is taken as it is: no second spelling is made equal."""
    if not text.startswith(("https://", "http://")) or any(sign in text for sign in "?#\\@"):
        raise PydanticCustomError("issuer_invalid", "Not an https address without query and fragment")
    return text


Issuer = Annotated[str, Field(max_length=500, pattern=r"^[\x21-\x7e]+$"), AfterValidator(_issuer)]
"""As the discovery document names it, such as `https://login.example.com/realms/staff`."""
Slug = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$")]
"""Lower-case letters, digits and dashes, such as `staff`."""
ClientText = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[\x20-\x7e]+$")]
SecretText = Annotated[str, Field(max_length=1000, pattern=r"^[\x20-\x7e]*$")]
Scope = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[\x21\x23-\x5b\x5d-\x7e]+$")]
MailDomain = Annotated[str, Field(min_length=1, max_length=253)]
SubjectText = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$")]
ProviderId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


class _Request(BaseModel):
    """A body we take: exactly the members listed, so that nothing else can be assigned."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class _Facts(_Request):
    """What can be set at any time."""

    name: LineText
    """Stands on the button of the sign-in page."""
    client_id: ClientText
    scopes: list[Scope] = Field(default=list(DEFAULT_SCOPES), min_length=1, max_length=30)
    may_create_users: bool = False
    """Whether people nobody knows here become users, without roles. It takes `email_trusted` too."""
    email_trusted: bool = False
    """Whether its `email_verified` is believed: only where it proves mailboxes itself."""
    allowed_domains: list[MailDomain] = Field(default=[], max_length=100)
    """Mail domains of the people it may create; empty: any."""
    active: bool = True

    def facts(self) -> ProviderFacts:
        """Return it as the use case takes it."""
        return ProviderFacts(
            name=self.name,
            client_id=self.client_id,
            scopes=tuple(self.scopes),
            may_create_users=self.may_create_users,
            email_trusted=self.email_trusted,
            allowed_domains=tuple(self.allowed_domains),
            active=self.active,
        )


class IdentityProviderCreate(_Facts):
    """An identity provider to make."""

    slug: Slug
    """Part of the redirect address; never changes."""
    issuer: Issuer
    """Never changes: a subject is somebody at exactly this issuer."""
    client_secret: SecretText | None = Field(None, repr=False)
    """Kept sealed and never shown; none for a public client."""


class IdentityProviderPatch(_Facts):
    """What can be changed of an identity provider."""

    client_secret: SecretText | None = Field(None, repr=False)
    """A new one; empty for none any more. Left out, it stays."""


class IdentityProviderQuery(BaseModel):
    """Which identity providers, and which page of them."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None
    active: bool | None = None


class IdentityProviderView(BaseModel):
    """An identity provider, without its secret."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: str
    slug: str
    issuer: str
    name: str
    client_id: str
    has_client_secret: bool
    scopes: list[str]
    may_create_users: bool
    email_trusted: bool
    allowed_domains: list[str]
    active: bool
    redirect_uri: str
    """To be registered at the provider."""
    created_at: datetime
    updated_at: datetime
    version: int
    """The ETag is this number in quotes."""

    @classmethod
    def of(cls, provider: Provider, redirect_uri: str) -> Self:
        """Return how the API shows ``provider``."""
        shown = {name: getattr(provider, name) for name in cls.model_fields if name != "redirect_uri"}
        lists = {"scopes": list(provider.scopes), "allowed_domains": list(provider.allowed_domains)}
        return cls.model_validate(shown | lists | {"redirect_uri": redirect_uri})


class IdentityCreate(_Request):
    """An account at a provider to link to a person."""

    provider_id: ProviderId
    subject: SubjectText
    """What the provider calls the person in `sub`; the audit trail has it of every sign-in that was refused."""


class IdentityView(BaseModel):
    """An account at a provider that is linked to a person."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: str
    provider_id: str
    provider_name: str
    subject: str
    user_id: str
    email: str
    """As the provider said when it was linked."""
    linked_by: LinkedBy
    linked_at: datetime
    usable: bool
    """False after the password was set by a link, until the link is made anew."""
    last_used_at: datetime | None

    @classmethod
    def of(cls, identity: Identity) -> Self:
        """Return how the API shows ``identity``."""
        return cls.model_validate(identity)


class IdentityList(BaseModel):
    """Every account that is linked to a person."""

    items: list[IdentityView]
