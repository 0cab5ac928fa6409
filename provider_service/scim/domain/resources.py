"""What SCIM says of a person and a group here: the schemas we serve, and how they become facts of the directory."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final

from pydantic import EmailStr, Field
from scim2_models import (
    Address,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    Email,
    ETag,
    Filter,
    GroupMembership,
    InvalidValueException,
    Meta,
    Mutability,
    Name,
    Patch,
    PhoneNumber,
    Reference,
    Required,
    Resource,
    ResourceType,
    Returned,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)
from scim2_models.urn import URN

from provider_service.directory.domain import GroupRecord, Person
from provider_service.scim.domain import PAGE, PREFIX

_LANGUAGE: Final = re.compile(r"[a-z]{2}(-[A-Z]{2})?")
_OWN: Final = frozenset({"schemas", "id", "externalId", "meta", "userName", "groups"})
"""Attributes with a column of their own; the rest of a resource is kept as it came."""


class Mailbox(Email):
    """A mail address, which is never without its value."""

    value: Annotated[EmailStr | None, Required.true] = None
    """The address."""


class User(Resource[Any]):
    """A person, with the attributes of RFC 7643 section 4.1 the directory keeps.

    No password: people choose theirs by the link of a mail. No entitlements and roles: what somebody may do here is
    decided here.
    """

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    """What the person signs in with, besides the mail address."""
    name: Name | None = None
    """The parts of the person's name."""
    Name: ClassVar[type[ComplexAttribute]] = Name
    display_name: str | None = None
    """The name, as others see it."""
    nick_name: str | None = None
    """What friends say."""
    title: str | None = None
    """For instance Vice President."""
    user_type: str | None = None
    """For instance Employee."""
    preferred_language: str | None = None
    """Language of pages and mails, such as en or de-AT."""
    locale: str | None = None
    """Place whose formats the person is used to."""
    timezone: str | None = None
    """Time zone by its name in the tz database."""
    active: bool | None = None
    """Whether the person may sign in."""
    emails: Annotated[list[Mailbox] | None, Required.true] = None
    """Mail addresses; the primary one, or else the first, is the one mails go to."""
    Emails: ClassVar[type[ComplexAttribute]] = Mailbox
    phone_numbers: list[PhoneNumber] | None = None
    """Telephone numbers."""
    PhoneNumbers: ClassVar[type[ComplexAttribute]] = PhoneNumber
    addresses: list[Address] | None = None
    """Postal addresses."""
    Addresses: ClassVar[type[ComplexAttribute]] = Address
    groups: Annotated[list[GroupMembership] | None, Mutability.read_only, Returned.default] = None
    """Groups the person belongs to, of those the client sees."""


class Member(ComplexAttribute):
    """A person in a group. Names stand with the people themselves, where they can change."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    """The person's id."""
    ref: Annotated[Reference["User"] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    """The person's address."""
    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])
    """Always User: groups do not hold groups."""


class Group(Resource[Any]):
    """A group of people (RFC 7643 section 4.2)."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true] = None
    """The group's name."""
    members: list[Member] | None = None
    """The people in it."""
    Members: ClassVar[type[ComplexAttribute]] = Member


@dataclass(frozen=True, slots=True)
class UserFacts:
    """What a resource says about a person, in the directory's own terms."""

    login: str
    email: str
    name: str
    language: str
    active: bool
    external_id: str | None
    document: dict[str, Any]


CONFIG: Final = ServiceProviderConfig(
    patch=Patch(supported=True),
    bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
    filter=Filter(supported=True, max_results=PAGE),
    change_password=ChangePassword(supported=False),
    sort=Sort(supported=True),
    etag=ETag(supported=True),
    authentication_schemes=[
        AuthenticationScheme(
            type="oauthbearertoken",
            name="OAuth Bearer Token",
            description="The token of a SCIM client, made by an administrator here",
            spec_uri=Reference("https://www.rfc-editor.org/info/rfc6750"),
            primary=True,
        )
    ],
)


def described(issuer: str) -> ScimProvider:
    """Return what the service is, as its three discovery endpoints publish it, with the addresses of ``issuer``."""
    types = [ResourceType.from_resource(model) for model in (User, Group)]
    for one in types:
        one.meta = Meta(resource_type="ResourceType", location=f"{issuer}{PREFIX}/ResourceTypes/{one.name}")
    config = CONFIG.model_copy(
        update={"meta": Meta(resource_type="ServiceProviderConfig", location=f"{issuer}{PREFIX}/ServiceProviderConfig")}
    )
    return ScimProvider(models=[User, Group], resource_types=types, config=config)


def facts_of(user: User, *, language: str = "en") -> UserFacts:
    """Return what a resource says. ``language``: what counts where it names none we know.

    Raises `InvalidValueException` where it has no mail address.
    """
    emails = [one for one in user.emails or [] if one.value]
    if not emails or not user.user_name:
        raise InvalidValueException(detail="emails and userName must have a value")
    primary = next((one for one in emails if one.primary), emails[0])
    known = user.preferred_language and _LANGUAGE.fullmatch(user.preferred_language)
    dumped = user.model_dump(exclude_none=True, by_alias=True, mode="json")
    return UserFacts(
        login=user.user_name,
        email=str(primary.value),
        name=_name_of(user)[:200],
        language=user.preferred_language if known and user.preferred_language else language,
        active=user.active is not False,
        external_id=user.external_id,
        document={name: value for name, value in dumped.items() if name not in _OWN},
    )


def user_resource(
    person: Person,
    document: dict[str, Any],
    *,
    external_id: str | None,
    groups: list[tuple[str, str]],
    meta: Meta,
    issuer: str,
) -> User:
    """Return a person as a resource: what came stays as it came, unless it was changed here since."""
    user = User.model_validate(document)
    user.id, user.external_id, user.meta = person.id, external_id, meta
    user.user_name = person.login
    if user.active is not None or not person.active:  # a client may leave it open; what is decided here shows
        user.active = person.active
    _follow(user, person)
    user.groups = [
        GroupMembership(value=group_id, ref=f"{issuer}{PREFIX}/Groups/{group_id}", display=name, type="direct")
        for group_id, name in groups
    ] or None
    return user


def group_resource(group: GroupRecord, people: set[str], *, external_id: str | None, meta: Meta, issuer: str) -> Group:
    """Return a group as a resource. ``people``: ids of those members the client sees."""
    members = [
        Member(value=user_id, ref=f"{issuer}{PREFIX}/Users/{user_id}", type="User")
        for user_id in group.members
        if user_id in people
    ]
    return Group(id=group.id, external_id=external_id, display_name=group.name, members=members or None, meta=meta)


def member_ids(group: Group) -> set[str]:
    """Return the ids of the people a group resource names."""
    return {str(member.value) for member in group.members or [] if member.value}


def _follow(user: User, person: Person) -> None:
    """Let the resource say what the directory says, where somebody changed it here."""
    said = facts_of(user, language=person.language) if user.emails else None
    if said is None or said.email.casefold() != person.email.casefold():
        kept = [one for one in user.emails or [] if not one.primary]
        user.emails = [Mailbox(value=person.email, primary=True), *kept[1 if said and not _has_primary(user) else 0 :]]
    if said is None or said.name != person.name:
        user.display_name = person.name


def _has_primary(user: User) -> bool:
    return any(one.primary for one in user.emails or [])


def _name_of(user: User) -> str:
    parts = user.name or Name()
    joined = " ".join(part for part in (parts.given_name, parts.middle_name, parts.family_name) if part)
    return user.display_name or parts.formatted or joined or str(user.user_name)
