"""Finding the one company or contact a registering person means (design: self_service.md, *Profile options*)."""

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from provider_service.accounts import domain, store
from provider_service.accounts.domain import AttributeType, CompanyRecord, ContactRecord, DeclaredFor
from provider_service.accounts.service.companies import company_record
from provider_service.accounts.service.contacts import contact_record
from provider_service.accounts.service.values import attribute_record
from shared.wire.errors import Invalid

ENOUGH = 2
"""Found at most: one is the one that is meant, two are too many, whatever follows."""


def companies_by_attribute(session: Session, field: str, value: str) -> list[CompanyRecord]:
    """Return the companies, two at most, whose attribute ``field`` equals ``value`` exactly (see `key_of`).

    ``field``: OrganizationName, ExternalKey, or the code of an attribute declared unique. Case counts. Inactive
    companies are found too. Raises `Invalid` (``attribute_not_unique``) for any other field.
    """
    column = domain.COMPANY_ATTRIBUTES.get(field)
    if column is not None:
        key = domain.key_of(AttributeType.TEXT, value)
        rows = store.companies_by_column(session, column, key, limit=ENOUGH) if key is not None else []
        return [company_record(row) for row in rows]
    found = store.attribute(session, DeclaredFor.COMPANY, field)
    if found is None or not found.unique_values:
        raise Invalid(
            f"No company can be found by {field[:64]!a}",
            code="attribute_not_unique",
            fix="Use OrganizationName, ExternalKey, or an attribute declared for companies with unique values.",
        )
    key = domain.key_of(attribute_record(found).type, value)
    rows = store.companies_by_value(session, field, key, limit=ENOUGH) if key is not None else []
    return [company_record(row) for row in rows]


def contacts_by_attribute(session: Session, field: str, value: Any) -> list[ContactRecord]:
    """Return the contacts, two at most and merged ones left out, whose attribute ``field`` equals ``value``.

    ``field``: one of `FINDABLE`, or the code of an attribute declared for contacts. E-mail addresses compare folded,
    everything else exactly. Raises `Invalid` (``attribute_not_findable``) for any other field.
    """
    column = domain.FINDABLE.get(field)
    if column is not None:
        wanted = _of_column(field, value)
        found = store.contacts_by_column(session, column, wanted, limit=ENOUGH) if wanted is not None else []
        return [contact_record(row) for row in found]
    declared = store.attribute(session, DeclaredFor.CONTACT, field)
    if declared is None:
        raise Invalid(f"No contact can be found by {field[:64]!a}", code="attribute_not_findable")
    key = domain.key_of(attribute_record(declared).type, value)
    rows = store.contacts_by_value(session, field, key, limit=ENOUGH) if key is not None else []
    return [contact_record(row) for row in rows]


def _of_column(field: str, value: Any) -> str | date | None:
    type_ = domain.CONTACT_ATTRIBUTES[field]
    key = domain.key_of(type_, value)
    if type_ is not AttributeType.DATE or key is None:
        return key
    try:
        return date.fromisoformat(key)
    except ValueError:
        return None
