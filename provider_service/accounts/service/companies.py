"""Companies: making, changing and finding them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from provider_service.accounts import domain, store
from provider_service.accounts.domain import CompanyFacts, CompanyRecord, DeclaredFor
from provider_service.accounts.service.parts import flush, is_staff, note, sees, unknown_company
from provider_service.accounts.service.values import accept_values, index_values
from provider_service.accounts.tables import Company
from provider_service.audit.domain import Actor, changes
from provider_service.directory.domain import Caller
from shared.wire.errors import Conflict, FieldError
from shared.wire.identifiers import new_id


def create_company(session: Session, facts: CompanyFacts, *, actor: Actor, now: datetime) -> CompanyRecord:
    """Make a company.

    Raises `Conflict` (``external_key_taken``, ``attribute_taken``), `NotFound` (``company_unknown``) for a parent,
    `Invalid` (``domain_invalid``, ``domain_not_own``, ``attribute_invalid``).
    """
    company = Company(id=new_id(), created_at=now, updated_at=now, version=1)
    _assign(session, company, facts)
    session.add(company)
    flush(session, _key_taken)
    index_values(session, DeclaredFor.COMPANY, company.id, company.attributes)
    made = company_record(company)
    note(session, actor, "company.created", company.id, after=_facts(made), now=now)
    return made


def update_company(
    session: Session, company_id: str, *, change: Callable[[CompanyRecord], CompanyFacts], actor: Actor, now: datetime
) -> CompanyRecord:
    """Change a company to what ``change`` makes of the present state, read under lock. Raises as `create_company`."""
    company = store.company(session, company_id, lock=True)
    if company is None:
        raise unknown_company()
    before = company_record(company)
    _assign(session, company, change(before))
    old, new = changes(_facts(before), _facts(company_record(company)))
    if new:
        company.updated_at, company.version = now, company.version + 1
        flush(session, _key_taken)
        index_values(session, DeclaredFor.COMPANY, company.id, company.attributes)
        note(session, actor, "company.updated", company.id, before=old, after=new, now=now)
    return company_record(company)


def get_company(session: Session, company_id: str, *, caller: Caller | None = None) -> CompanyRecord:
    """Return a company. Raises `NotFound` also for one the caller, a contact, does not belong to."""
    company = store.company(session, company_id)
    if company is None or not sees(session, caller, company_id):
        raise unknown_company()
    return company_record(company)


def lock_company(session: Session, company_id: str) -> CompanyRecord:
    """Return a company, locked until the transaction ends. Raises `NotFound`."""
    company = store.company(session, company_id, lock=True)
    if company is None:
        raise unknown_company()
    return company_record(company)


def find_company(session: Session, external_key: str) -> CompanyRecord | None:
    """Return the company another system calls by this key."""
    company = store.company_by_key(session, external_key)
    return None if company is None else company_record(company)


def list_companies(
    session: Session,
    *,
    caller: Caller | None = None,
    external_key: str | None = None,
    active: bool | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[CompanyRecord]:
    """Return the companies the caller sees, in order of their creation, behind the one with id ``after``."""
    only = None if is_staff(caller) or caller is None else store.companies_of_user(session, caller.user_id)
    rows = store.companies(session, only=only, external_key=external_key, active=active, after=after, limit=limit)
    return [company_record(row) for row in rows]


def _assign(session: Session, company: Company, facts: CompanyFacts) -> None:
    if facts.external_key is not None:
        holder = store.company_by_key(session, facts.external_key)
        if holder is not None and holder.id != company.id:
            raise _key_taken()
    if facts.parent_id is not None:
        if store.company(session, facts.parent_id) is None:
            raise unknown_company("/parent_id")
        ancestors = store.ancestors(session, facts.parent_id, domain.ANCESTORS + 1)
        domain.require_no_circle(company.id, ancestors)
    company.name, company.external_key = facts.name, facts.external_key
    domains = domain.canonical_domains(facts.domains)
    verified = domain.canonical_domains(facts.verified_domains, "verified_domains")
    domain.require_verified_own(domains, verified)
    company.domains, company.verified_domains = list(domains), list(verified)
    company.parent_id, company.active, company.key_secret = facts.parent_id, facts.active, facts.key_secret
    company.attributes = accept_values(session, DeclaredFor.COMPANY, facts.attributes)


def company_record(row: Company) -> CompanyRecord:
    """Return a row as a company."""
    return CompanyRecord(
        id=row.id,
        name=row.name,
        external_key=row.external_key,
        domains=tuple(row.domains),
        parent_id=row.parent_id,
        active=row.active,
        verified_domains=tuple(row.verified_domains),
        attributes=row.attributes,
        key_secret=row.key_secret,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


def _facts(record: CompanyRecord) -> dict[str, Any]:
    """Return what the audit trail says of a company; a member called secret would be withheld from it."""
    names = ("name", "external_key", "domains", "parent_id", "active", "verified_domains", "attributes")
    return {name: getattr(record, name) for name in names} | {"key_kept_to_itself": record.key_secret}


def _key_taken() -> Conflict:
    return Conflict(
        "Another company has this external key",
        code="external_key_taken",
        errors=[FieldError("/external_key", "Taken")],
    )
