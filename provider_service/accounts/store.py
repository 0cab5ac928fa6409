"""Queries of companies and contacts."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from provider_service.accounts.tables import Company, Contact


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


def contact(session: Session, contact_id: str, *, lock: bool = False) -> Contact | None:
    """Return a contact, locked where it is to be changed."""
    return session.get(Contact, contact_id, with_for_update=lock or None, populate_existing=lock)


def contact_of_user(session: Session, company_id: str, user_id: str) -> Contact | None:
    """Return the contact a user is at a company."""
    query = select(Contact).where(Contact.company_id == company_id, Contact.user_id == user_id)
    return session.scalars(query).one_or_none()


def contacts(session: Session, company_id: str, *, after: str | None, limit: int) -> Sequence[Contact]:
    """Return a company's contacts in order of their creation."""
    query = select(Contact).where(Contact.company_id == company_id).order_by(Contact.id).limit(limit)
    if after is not None:
        query = query.where(Contact.id > after)
    return session.scalars(query).all()


def companies_of_user(session: Session, user_id: str) -> Sequence[str]:
    """Return the ids of the companies a user acts for."""
    return session.scalars(select(Contact.company_id).where(Contact.user_id == user_id, Contact.active)).all()
