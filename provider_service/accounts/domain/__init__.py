"""What companies, contacts and their attributes are to the rest of the service; one module a concern."""

from provider_service.accounts.domain.attributes import (
    COMPANY_ATTRIBUTES,
    CONTACT_ATTRIBUTES,
    FINDABLE,
    AttributeFacts,
    AttributeRecord,
    AttributeType,
    DeclaredFor,
    checked,
    key_of,
    require_declarable,
)
from provider_service.accounts.domain.companies import (
    ANCESTORS,
    STAFF,
    CompanyFacts,
    CompanyRecord,
    canonical_domains,
    email_fault,
    require_no_circle,
    require_verified_own,
)
from provider_service.accounts.domain.contacts import (
    Address,
    CompanyContactRecord,
    ContactFacts,
    ContactRecord,
    display_name,
    require_mergeable,
)

__all__ = [
    "ANCESTORS",
    "COMPANY_ATTRIBUTES",
    "CONTACT_ATTRIBUTES",
    "FINDABLE",
    "STAFF",
    "Address",
    "AttributeFacts",
    "AttributeRecord",
    "AttributeType",
    "CompanyContactRecord",
    "CompanyFacts",
    "CompanyRecord",
    "ContactFacts",
    "ContactRecord",
    "DeclaredFor",
    "canonical_domains",
    "checked",
    "display_name",
    "email_fault",
    "key_of",
    "require_declarable",
    "require_mergeable",
    "require_no_circle",
    "require_verified_own",
]
