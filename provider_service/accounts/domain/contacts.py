"""What a contact is: a person we know of, and the same person as one company's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from shared.wire.errors import Conflict
from shared.wire.states import Role


@dataclass(frozen=True, slots=True)
class Address:
    """One postal address."""

    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    state: str | None = None
    province: str | None = None
    postal_code: str | None = None
    country: str | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """What may be said about a person."""

    email: str
    name: str = ""
    """How the person is shown; made of the names, or else the address, where empty."""
    first_name: str | None = None
    middle_name: str | None = None
    last_name: str | None = None
    work_phone: str | None = None
    mobile_phone: str | None = None
    home_phone: str | None = None
    date_of_birth: date | None = None
    place_of_birth: str | None = None
    addresses: tuple[Address, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    language: str = "en"
    category: str = ""
    user_id: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """A person as the rest of the service sees it."""

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
    addresses: tuple[Address, ...]
    attributes: Mapping[str, Any]
    language: str
    category: str
    user_id: str | None
    """GUID of the person's user in the identity directory, the stamp."""
    active: bool
    merged_into: str | None
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class CompanyContactRecord:
    """A person as one company's contact. Of a stamped one, name, address and language are its user's: who signs in."""

    id: str
    """The contact's; of one that was merged, the contact it was found to be."""
    company_id: str
    company_name: str
    company_active: bool
    user_id: str | None
    email: str
    name: str
    language: str
    active: bool
    """Whether the contact may act: it, its user, its company and the tie between them are active."""
    enabled: bool
    """Whether the tie between contact and company is switched on."""
    has_password: bool
    roles: frozenset[Role]
    created_at: datetime
    updated_at: datetime
    version: int


def display_name(facts: ContactFacts) -> str:
    """Return how the person is shown."""
    names = (part for part in (facts.first_name, facts.middle_name, facts.last_name) if part)
    return facts.name.strip() or " ".join(names)[:200] or facts.email


def require_mergeable(merged: ContactRecord, into: ContactRecord) -> None:
    """Raise `Conflict` unless the two records can be one person.

    Codes: ``merge_same``, ``contact_merged``, ``stamp_conflict``.
    Two stamps are two people who can sign in; which of them loses its access is not for a merge to say.
    """
    if merged.id == into.id:
        raise Conflict("A contact is not merged into itself", code="merge_same")
    for one in (merged, into):
        if one.merged_into is not None:
            raise Conflict(
                f"The contact {one.id} was merged before",
                code="contact_merged",
                cause=f"It is {one.merged_into} now.",
                fix="Merge the contact it points to.",
            )
    if merged.user_id is not None and into.user_id is not None:
        raise Conflict(
            "Both contacts are stamped with a user",
            code="stamp_conflict",
            cause="A contact belongs to one user, and each of these belongs to another.",
            fix="Decide which user stays, and take the stamp off the other contact first.",
        )
