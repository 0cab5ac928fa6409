"""What a company is to the rest of the service, and which mail addresses will do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

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
    verified_domains: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    key_secret: bool = False


@dataclass(frozen=True, slots=True)
class CompanyRecord:
    """A company as the rest of the service sees it."""

    id: str
    name: str
    external_key: str | None
    domains: tuple[str, ...]
    parent_id: str | None
    active: bool
    verified_domains: tuple[str, ...]
    attributes: Mapping[str, Any]
    key_secret: bool
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


def canonical_domains(domains: tuple[str, ...], member: str = "domains") -> tuple[str, ...]:
    """Return mail domains in lower case, each once. Raises `Invalid` (``domain_invalid``) naming the ``member``."""
    found = tuple(dict.fromkeys(name.strip().lower() for name in domains))
    wrong = next((position for position, name in enumerate(found) if not _DOMAIN.fullmatch(name)), None)
    if wrong is not None:
        raise Invalid(
            "This is no mail domain",
            code="domain_invalid",
            fix="Give it like example.com.",
            errors=[FieldError(f"/{member}/{wrong}", "Not a domain name")],
        )
    return found


def require_verified_own(domains: tuple[str, ...], verified: tuple[str, ...]) -> None:
    """Raise `Invalid` (``domain_not_own``) where a domain is called verified that is not one of the company's."""
    wrong = next((position for position, name in enumerate(verified) if name not in domains), None)
    if wrong is not None:
        raise Invalid(
            "A verified domain is not one of the company's",
            code="domain_not_own",
            fix="Add it to the domains, or take it off the verified ones.",
            errors=[FieldError(f"/verified_domains/{wrong}", "Not one of the domains")],
        )


def require_no_circle(company_id: str, ancestors: list[str]) -> None:
    """Raise `Conflict` (``parent_circle``) where a company would stand above itself, or too many stand above it."""
    if company_id in ancestors or len(ancestors) > ANCESTORS:
        raise Conflict(
            "A company cannot stand beneath itself",
            code="parent_circle",
            cause=f"The chain of parents leads back here, or is longer than {ANCESTORS}.",
            errors=[FieldError("/parent_id", "Leads in a circle")],
        )
