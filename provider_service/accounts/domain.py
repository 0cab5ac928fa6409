"""What a company and its contact are to the rest of the service, and which mail addresses will do."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from provider_service.mail.domain import canonical_address, is_reserved
from shared.wire.errors import Conflict, FieldError, Invalid
from shared.wire.states import InstanceType, Role

ANCESTORS: Final = 20
"""Companies above one another, at most."""

STAFF: Final = (Role.ADMIN, Role.SN_SB_ADMIN, Role.SN_SB_READ)
"""Roles that see every company; a contact sees its own."""

_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")


@dataclass(frozen=True, slots=True)
class CompanyFacts:
    """What may be said about a company."""

    name: str
    external_key: str | None = None
    domains: tuple[str, ...] = ()
    parent_id: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class CompanyRecord:
    """A company as the rest of the service sees it."""

    id: str
    name: str
    external_key: str | None
    domains: tuple[str, ...]
    parent_id: str | None
    active: bool
    created_at: datetime
    updated_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """A person of the directory as one company's contact."""

    id: str
    company_id: str
    company_name: str
    company_active: bool
    user_id: str
    email: str
    name: str
    language: str
    active: bool
    """Whether the contact may act: it, its user and its company are active."""
    enabled: bool
    """Whether the contact itself is switched on."""
    has_password: bool
    roles: frozenset[Role]
    created_at: datetime
    updated_at: datetime
    version: int


def email_fault(address: str, *, instance_type: InstanceType, development: bool = False) -> str | None:
    """Say why mail to ``address`` cannot work, or None where it can.

    On a production instance a reserved domain will not do; anywhere else it does, so that trials need no mailbox.
    """
    try:
        canonical_address(address)
    except Invalid as error:
        return error.cause or error.detail
    if instance_type is InstanceType.PRODUCTION and not development and is_reserved(address):
        return f"Mail never arrives beneath {address.rpartition('@')[2]}: the name is reserved."
    return None


def canonical_domains(domains: tuple[str, ...]) -> tuple[str, ...]:
    """Return mail domains in lower case, each once. Raises `Invalid` (``domain_invalid``)."""
    found = tuple(dict.fromkeys(name.strip().lower() for name in domains))
    wrong = next((position for position, name in enumerate(found) if not _DOMAIN.fullmatch(name)), None)
    if wrong is not None:
        raise Invalid(
            "This is no mail domain",
            code="domain_invalid",
            fix="Give it like example.com.",
            errors=[FieldError(f"/domains/{wrong}", "Not a domain name")],
        )
    return found


def require_no_circle(company_id: str, ancestors: list[str]) -> None:
    """Raise `Conflict` (``parent_circle``) where a company would stand above itself, or too many stand above it."""
    if company_id in ancestors or len(ancestors) > ANCESTORS:
        raise Conflict(
            "A company cannot stand beneath itself",
            code="parent_circle",
            cause=f"The chain of parents leads back here, or is longer than {ANCESTORS}.",
            errors=[FieldError("/parent_id", "Leads in a circle")],
        )
