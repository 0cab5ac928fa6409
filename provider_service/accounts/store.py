"""Queries of companies, contacts, ties between them, and declared attributes."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from provider_service.accounts.tables import AccountContact, AttributeValue, Company, Contact, CustomAttribute


def company(session: Session, company_id: str, *, lock: bool = False) -> Company | None:
    """Return a company, locked where it is to be changed."""
    return session.get(Company, company_id, with_for_update=lock or None, populate_existing=lock)


def company_by_key(session: Session, external_key: str) -> Company | None:
    """Return the company another system calls by this key."""
    return session.scalars(select(Company).where(Company.external_key == external_key)).one_or_none()


def ancestors(session: Session, company_id: str | None, limit: int) -> list[str]:
    """Return the ids from ``company_id`` upwards, at most ``limit``."""
    found: list[str] = []
    while company_id is not None and len(found) < limit and company_id not in found:
        found.append(company_id)
        company_id = session.scalars(select(Company.parent_id).where(Company.id == company_id)).one_or_none()
    return found


def companies(
    session: Session,
    *,
    only: Sequence[str] | None,
    external_key: str | None,
    active: bool | None,
    after: str | None,
    limit: int,
) -> Sequence[Company]:
    """Return companies in order of their creation; ``only`` narrows to these ids."""
    query = select(Company).order_by(Company.id).limit(limit)
    if only is not None:
        query = query.where(Company.id.in_(only))
    if external_key is not None:
        query = query.where(Company.external_key == external_key)
    if active is not None:
        query = query.where(Company.active == active)
    if after is not None:
        query = query.where(Company.id > after)
    return session.scalars(query).all()


def companies_by_column(session: Session, column: str, value: str, *, limit: int) -> Sequence[Company]:
    """Return the first companies with exactly this value in a column of their own."""
    query = select(Company).where(getattr(Company, column) == value).order_by(Company.id).limit(limit)
    return session.scalars(query).all()


def companies_by_value(session: Session, code: str, key: str, *, limit: int) -> Sequence[Company]:
    """Return the first companies with this value of a declared attribute."""
    owners = select(AttributeValue.owner_id).where(
        AttributeValue.object == "company", AttributeValue.code == code, AttributeValue.key == key
    )
    return session.scalars(select(Company).where(Company.id.in_(owners)).order_by(Company.id).limit(limit)).all()


def contact(session: Session, contact_id: str, *, lock: bool = False) -> Contact | None:
    """Return a contact, locked where it is to be changed."""
    return session.get(Contact, contact_id, with_for_update=lock or None, populate_existing=lock)


def contact_of_user(session: Session, user_id: str) -> Contact | None:
    """Return the contact stamped with a user."""
    return session.scalars(select(Contact).where(Contact.user_id == user_id)).one_or_none()


def unstamped(session: Session, email_key: str, *, limit: int) -> Sequence[Contact]:
    """Return the first contacts with an address and no stamp, merged ones left out."""
    query = select(Contact).where(
        Contact.email_key == email_key, Contact.user_id.is_(None), Contact.merged_into.is_(None)
    )
    return session.scalars(query.order_by(Contact.id).limit(limit)).all()


def contacts(
    session: Session,
    *,
    email_key: str | None,
    company_id: str | None,
    user_id: str | None,
    stamped: bool | None,
    after: str | None,
    limit: int,
) -> Sequence[Contact]:
    """Return contacts in order of their creation, merged ones left out."""
    query = select(Contact).where(Contact.merged_into.is_(None)).order_by(Contact.id).limit(limit)
    if email_key is not None:
        query = query.where(Contact.email_key == email_key)
    if user_id is not None:
        query = query.where(Contact.user_id == user_id)
    if stamped is not None:
        query = query.where(Contact.user_id.is_not(None) if stamped else Contact.user_id.is_(None))
    if company_id is not None:
        ties = select(AccountContact.contact_id).where(AccountContact.company_id == company_id)
        query = query.where(Contact.id.in_(ties))
    if after is not None:
        query = query.where(Contact.id > after)
    return session.scalars(query).all()


def contacts_by_column(session: Session, column: str, value: str | date, *, limit: int) -> Sequence[Contact]:
    """Return the first contacts with exactly this value in a column of their own, merged ones left out."""
    query = select(Contact).where(getattr(Contact, column) == value, Contact.merged_into.is_(None))
    return session.scalars(query.order_by(Contact.id).limit(limit)).all()


def contacts_by_value(session: Session, code: str, key: str, *, limit: int) -> Sequence[Contact]:
    """Return the first contacts with this value of a declared attribute, merged ones left out."""
    owners = select(AttributeValue.owner_id).where(
        AttributeValue.object == "contact", AttributeValue.code == code, AttributeValue.key == key
    )
    query = select(Contact).where(Contact.id.in_(owners), Contact.merged_into.is_(None))
    return session.scalars(query.order_by(Contact.id).limit(limit)).all()


def point_to(session: Session, merged_id: str, into_id: str) -> None:
    """Let what pointed to a contact that is merged point to where it went."""
    session.execute(update(Contact).where(Contact.merged_into == merged_id).values(merged_into=into_id))


def tie(session: Session, company_id: str, contact_id: str, *, lock: bool = False) -> AccountContact | None:
    """Return what makes a contact a company's, locked where it is to be changed."""
    return session.get(AccountContact, (company_id, contact_id), with_for_update=lock or None, populate_existing=lock)


def ties(session: Session, company_id: str, *, after: str | None, limit: int) -> Sequence[AccountContact]:
    """Return a company's ties in order of the contacts' creation."""
    query = select(AccountContact).where(AccountContact.company_id == company_id)
    query = query.order_by(AccountContact.contact_id).limit(limit)
    if after is not None:
        query = query.where(AccountContact.contact_id > after)
    return session.scalars(query).all()


def ties_of(session: Session, contact_id: str) -> Sequence[AccountContact]:
    """Return the ties of a contact, locked."""
    query = select(AccountContact).where(AccountContact.contact_id == contact_id).order_by(AccountContact.company_id)
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).all()


def companies_of_contact(session: Session, contact_id: str) -> Sequence[str]:
    """Return the ids of the companies that a contact is tied to."""
    query = select(AccountContact.company_id).where(AccountContact.contact_id == contact_id)
    return session.scalars(query.order_by(AccountContact.company_id)).all()


def companies_of_user(session: Session, user_id: str) -> Sequence[str]:
    """Return the ids of the companies a user acts for."""
    query = select(AccountContact.company_id).join(Contact, Contact.id == AccountContact.contact_id)
    return session.scalars(query.where(Contact.user_id == user_id, Contact.active, AccountContact.active)).all()


def contacts_with(session: Session, contact_ids: Sequence[str]) -> dict[str, Contact]:
    """Return the contacts with these ids, by id."""
    return {one.id: one for one in session.scalars(select(Contact).where(Contact.id.in_(contact_ids)))}


def attribute(session: Session, object_: str, code: str, *, lock: bool = False) -> CustomAttribute | None:
    """Return a declared attribute, locked where it is to be changed."""
    return session.get(CustomAttribute, (object_, code), with_for_update=lock or None, populate_existing=lock)


def attributes(session: Session, object_: str | None, *, lock: bool = False) -> Sequence[CustomAttribute]:
    """Return what is declared, for one object or for all, locked where it must not be changed meanwhile."""
    query = select(CustomAttribute).order_by(CustomAttribute.object, CustomAttribute.code)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.scalars(query if object_ is None else query.where(CustomAttribute.object == object_)).all()


def value_of(session: Session, object_: str, code: str, keys: Sequence[str] | None = None) -> AttributeValue | None:
    """Return some value of a declared attribute, of these keys where given, if there is one."""
    query = select(AttributeValue).where(AttributeValue.object == object_, AttributeValue.code == code).limit(1)
    return session.scalars(query if keys is None else query.where(AttributeValue.key.in_(keys))).one_or_none()


def values_of(session: Session, object_: str, owner_id: str) -> dict[str, AttributeValue]:
    """Return an owner's values as they are looked up, by code."""
    query = select(AttributeValue).where(AttributeValue.object == object_, AttributeValue.owner_id == owner_id)
    return {row.code: row for row in session.scalars(query)}
