"""People and tokens as the API shows and takes them."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from consumer_service.audit.schemas import FilterText, LineText
from consumer_service.directory.domain import TOKEN_DAYS, Person
from consumer_service.directory.tables import ApiToken
from consumer_service.mail.schemas import MailAddress
from shared.transport.conventions import PAGE_DEFAULT, PageCursor, PageLimit
from shared.wire.states import Role

Language = Annotated[str, Field(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]
"""A language tag such as `en` or `de-AT`."""


class _Request(BaseModel):
    """A body we take: exactly the members listed, so that nothing else can be assigned."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class UserCreate(_Request):
    """A person to make. They set their own password, by the link of a password mail."""

    email: MailAddress
    name: LineText
    language: Language = "en"
    roles: list[Role] = Field(default=[], max_length=len(Role))


class UserPatch(_Request):
    """What can be changed of a person."""

    email: MailAddress
    name: LineText
    language: Language
    active: bool


class SelfPatch(_Request):
    """What people change of themselves."""

    name: LineText
    language: Language


class RolesUpdate(_Request):
    """All the roles a person is to hold."""

    roles: list[Role] = Field(max_length=len(Role))


class PasswordMailRequest(_Request):
    """How the link to set a password reaches the person."""

    delivery: Literal["mail", "link"] = "mail"
    """`link` answers with it, to be handed on where no mail is sent; it is shown once."""


class PasswordMailView(BaseModel):
    """The mail that is on its way, or the link to hand on."""

    mail_id: str | None = None
    link: str | None = None


class TokenCreate(_Request):
    """A token to make for oneself."""

    name: LineText
    scopes: list[str] = Field(min_length=1, max_length=50)
    """Such as `users:read`; `write` includes `read`."""
    expires_in_days: int = Field(90, ge=1, le=TOKEN_DAYS)


class UserQuery(BaseModel):
    """Which people, and which page of them."""

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None
    email: FilterText = None
    active: bool | None = None
    role: Role | None = None


class TokenQuery(BaseModel):
    """Which tokens, and which page of them."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    limit: PageLimit = PAGE_DEFAULT
    cursor: PageCursor = None
    everyones: bool = False
    """Of all people instead of one's own; for administrators."""


class UserView(BaseModel):
    """A person."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: str
    email: str
    name: str
    language: str
    active: bool
    roles: list[Role]
    has_password: bool
    last_sign_in_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int
    """The ETag is this number in quotes."""

    @classmethod
    def of(cls, person: Person) -> Self:
        """Return how the API shows ``person``."""
        shown = {name: getattr(person, name) for name in cls.model_fields}
        return cls.model_validate(shown | {"roles": sorted(person.roles)})


class MeView(BaseModel):
    """Who calls, and what they may do."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    user: UserView
    scopes: list[str] | None
    """What the token used is limited to; null for a signed-in browser."""


class TokenView(BaseModel):
    """A token, without what makes it one."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    id: str
    user_id: str
    name: str
    prefix: str
    """The first characters, to recognise it by."""
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    """Written down at most once a minute."""
    revoked_at: datetime | None


class NewTokenView(TokenView):
    """A token that has just been made."""

    token: str | None
    """The token itself. It is shown in the first answer only; nobody can read it again."""

    @classmethod
    def shown(cls, row: ApiToken, secret: str | None) -> Self:
        """Return a fresh token with its secret, or as a repeated call sees it, without."""
        return cls.model_validate(TokenView.model_validate(row).model_dump() | {"token": secret})
