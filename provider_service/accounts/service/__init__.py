"""Use cases of companies and contacts, one module a concern; callers import the names from here."""

from provider_service.accounts.service.attributes import (
    change_attribute,
    declare_attribute,
    find_attribute,
    get_attribute,
    list_attributes,
    remove_attribute,
)
from provider_service.accounts.service.companies import (
    create_company,
    find_company,
    get_company,
    list_companies,
    lock_company,
    update_company,
)
from provider_service.accounts.service.contacts import (
    contact_of_user,
    create_contact,
    find_contact,
    get_contact,
    list_contacts,
    merge_contacts,
    stamp_contact,
    update_contact,
)
from provider_service.accounts.service.lookups import companies_by_attribute, contacts_by_attribute
from provider_service.accounts.service.parts import AccountHooks
from provider_service.accounts.service.ties import (
    contact_of,
    create_company_contact,
    find_company_contact,
    get_company_contact,
    link_contact,
    list_company_contacts,
    set_company_contact_enabled,
)
from provider_service.accounts.service.values import accept_values

__all__ = [
    "AccountHooks",
    "accept_values",
    "change_attribute",
    "companies_by_attribute",
    "contact_of",
    "contact_of_user",
    "contacts_by_attribute",
    "create_company",
    "create_company_contact",
    "create_contact",
    "declare_attribute",
    "find_attribute",
    "find_company",
    "find_company_contact",
    "find_contact",
    "get_attribute",
    "get_company",
    "get_company_contact",
    "get_contact",
    "link_contact",
    "list_attributes",
    "list_companies",
    "list_company_contacts",
    "list_contacts",
    "lock_company",
    "merge_contacts",
    "remove_attribute",
    "set_company_contact_enabled",
    "stamp_contact",
    "update_company",
    "update_contact",
]
