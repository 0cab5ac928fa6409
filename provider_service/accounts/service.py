"""Companies and their contacts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from provider_service.accounts import domain, store
from provider_service.accounts.domain import CompanyFacts, CompanyRecord, ContactRecord
from provider_service.accounts.tables import Company, Contact
from provider_service.audit import service as audit
from provider_service.audit.domain import Actor, changes
from provider_service.directory import service as directory
from provider_service.directory.domain import Caller
from shared.wire.errors import Conflict, FieldError, NotFound
from shared.wire.identifiers import new_id
from shared.wire.states import Role


def create_company(session: Session, facts: CompanyFacts, *, actor: Actor, now: datetime) -> CompanyRecord:
    """Make a company.

    Raises `Conflict` (``external_key_taken``), `NotFound` (``company_unknown``) for a parent, `Invalid`
    (``domain_invalid``).
    """
    company = Company(id=new_id(), created_at=now, updated_at=now, version=1)
    _assign(session, company, facts)
    session.add(company)
    _flush(session, _key_taken)
    record = _company(company)
    _record(session, actor, "company.created", company.id, after=_company_facts(record), now=now)
    return record


def update_company(
    session: Session, company_id: str, *, change: Callable[[CompanyRecord], CompanyFacts], actor: Actor, now: datetime
) -> CompanyRecord:
    """Change a company to what ``change`` makes of the present state, read under lock. Raises as `create_company`."""
    company = store.company(session, company_id, lock=True)
    if company is None:
        raise _unknown_company()
    before = _company(company)
    _assign(session, company, change(before))
    old, new = changes(_company_facts(before), _company_facts(_company(company)))
    if new:
        company.updated_at, company.version = now, company.version + 1
        _flush(session, _key_taken)
        _record(session, actor, "company.updated", company.id, before=old, after=new, now=now)
    return _company(company)


def get_company(session: Session, company_id: str, *, caller: Caller | None = None) -> CompanyRecord:
    """Return a company. Raises `NotFound` also for one the caller, a contact, does not belong to."""
    company = store.company(session, company_id)
    if company is None or not _sees(session, caller, company_id):
        raise _unknown_company()
    return _company(company)


def find_company(session: Session, external_key: str) -> CompanyRecord | None:
    """Return the company another system calls by this key."""
    company = store.company_by_key(session, external_key)
    return None if company is None else _company(company)


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
    only = None if _is_staff(caller) or caller is None else store.companies_of_user(session, caller.user_id)
    rows = store.companies(session, only=only, external_key=external_key, active=active, after=after, limit=limit)
    return [_company(row) for row in rows]


def create_contact(
    session: Session,
    company_id: str,
    *,
    email: str,
    name: str,
    language: str = "en",
    grant_consumer_role: bool = True,
    welcome_from: str | None = None,
    actor: Actor,
    now: datetime,
) -> ContactRecord:
    """Make a person a company's contact; a user is made unless the address has one.

    ``grant_consumer_role``: whether it gets ``sn_sb_pro.consumer``. ``welcome_from``: this instance's name, with which
    a mail to set a password goes to a person who has none; None sends no mail. Raises `NotFound`
    (``company_unknown``), `Conflict` (``contact_exists``), `Invalid` (``email_invalid``).
    """
    if store.company(session, company_id) is None:
        raise _unknown_company()
    user_id = _user_for(session, email, name, language, actor=actor, now=now)
    if store.contact_of_user(session, company_id, user_id) is not None:
        raise _contact_exists()
    contact = Contact(
        id=new_id(), company_id=company_id, user_id=user_id, active=True, created_at=now, updated_at=now, version=1
    )
    session.add(contact)
    _flush(session, _contact_exists)
    if grant_consumer_role:
        directory.grant_role(session, user_id, Role.SN_SB_PRO_CONSUMER, actor=actor, now=now)
    if welcome_from is not None:
        directory.welcome(session, user_id, instance=welcome_from, actor=actor, now=now)
    after = {"company_id": company_id, "user_id": user_id, "enabled": True}
    _record(session, actor, "contact.created", contact.id, after=after, now=now)
    return get_contact(session, contact.id)


def set_contact_enabled(
    session: Session, contact_id: str, *, change: Callable[[ContactRecord], bool], actor: Actor, now: datetime
) -> ContactRecord:
    """Switch a contact on or off; the user and its other companies stay as they are. Raises `NotFound`."""
    contact = store.contact(session, contact_id, lock=True)
    if contact is None:
        raise _unknown_contact()
    before = contact.active
    wanted = change(get_contact(session, contact_id))
    if wanted != before:
        contact.active, contact.updated_at, contact.version = wanted, now, contact.version + 1
        session.flush()
        old, new = {"enabled": before}, {"enabled": wanted}
        _record(session, actor, "contact.updated", contact.id, before=old, after=new, now=now)
    return get_contact(session, contact_id)


def get_contact(session: Session, contact_id: str, *, caller: Caller | None = None) -> ContactRecord:
    """Return a contact. Raises `NotFound` also for one of a company the caller does not belong to."""
    found = find_contact(session, contact_id)
    if found is None or not _sees(session, caller, found.company_id):
        raise _unknown_contact()
    return found


def find_contact(session: Session, contact_id: str) -> ContactRecord | None:
    """Return a contact, if there is one."""
    contact = store.contact(session, contact_id)
    return None if contact is None else _contacts(session, [contact])[0]


def contact_of(session: Session, company_id: str, user_id: str) -> ContactRecord | None:
    """Return the contact a user is at a company, if it is one."""
    contact = store.contact_of_user(session, company_id, user_id)
    return None if contact is None else _contacts(session, [contact])[0]


def list_contacts(
    session: Session, company_id: str, *, caller: Caller | None = None, after: str | None = None, limit: int = 50
) -> list[ContactRecord]:
    """Return a company's contacts in order of their creation. Raises `NotFound` as `get_company` does."""
    get_company(session, company_id, caller=caller)
    return _contacts(session, store.contacts(session, company_id, after=after, limit=limit))


def _assign(session: Session, company: Company, facts: CompanyFacts) -> None:
    if facts.external_key is not None:
        holder = store.company_by_key(session, facts.external_key)
        if holder is not None and holder.id != company.id:
            raise _key_taken()
    if facts.parent_id is not None:
        if store.company(session, facts.parent_id) is None:
            raise _unknown_company("/parent_id")
        ancestors = store.ancestors(session, facts.parent_id, domain.ANCESTORS + 1)
        domain.require_no_circle(company.id, ancestors)
    company.name, company.external_key = facts.name, facts.external_key
    company.domains = list(domain.canonical_domains(facts.domains))
    company.parent_id, company.active = facts.parent_id, facts.active


def _user_for(session: Session, email: str, name: str, language: str, *, actor: Actor, now: datetime) -> str:
    known = directory.find_user(session, email)
    if known is not None:
        return known.id
    return directory.add_user(session, email=email, name=name, language=language, actor=actor, now=now).id


def _is_staff(caller: Caller | None) -> bool:
    return caller is not None and not caller.roles.isdisjoint(domain.STAFF)


def _sees(session: Session, caller: Caller | None, company_id: str) -> bool:
    return caller is None or _is_staff(caller) or company_id in store.companies_of_user(session, caller.user_id)


def _company(row: Company) -> CompanyRecord:
    return CompanyRecord(
        id=row.id,
        name=row.name,
        external_key=row.external_key,
        domains=tuple(row.domains),
        parent_id=row.parent_id,
        active=row.active,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )


def _contacts(session: Session, rows: Sequence[Contact]) -> list[ContactRecord]:
    people = directory.get_users(session, [row.user_id for row in rows])
    companies = {row.company_id: store.company(session, row.company_id) for row in rows}
    found = []
    for row in rows:
        person, company = people[row.user_id], companies[row.company_id]
        assert company is not None  # noqa: S101 - narrows a type; the foreign key keeps it there
        found.append(
            ContactRecord(
                id=row.id,
                company_id=company.id,
                company_name=company.name,
                company_active=company.active,
                user_id=person.id,
                email=person.email,
                name=person.name,
                language=person.language,
                active=row.active and person.active and company.active,
                enabled=row.active,
                has_password=person.has_password,
                roles=person.roles,
                created_at=row.created_at,
                updated_at=row.updated_at,
                version=row.version,
            )
        )
    return found


def _company_facts(record: CompanyRecord) -> dict[str, Any]:
    facts = asdict(record)
    return {name: facts[name] for name in ("name", "external_key", "domains", "parent_id", "active")}


def _record(
    session: Session,
    actor: Actor,
    action: str,
    subject_id: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any],
    now: datetime,
) -> None:
    subject_type = action.partition(".")[0]
    audit.record(
        session,
        actor=actor,
        action=action,
        subject_type=subject_type,
        subject_id=subject_id,
        before=before,
        after=after,
        now=now,
    )


def _unknown_company(pointer: str | None = None) -> NotFound:
    errors = [FieldError(pointer, "There is no such company")] if pointer else []
    return NotFound("There is no such company", code="company_unknown", errors=errors)


def _unknown_contact() -> NotFound:
    return NotFound("There is no such contact", code="contact_unknown")


def _flush(session: Session, meaning: Callable[[], Conflict]) -> None:
    try:
        session.flush()
    except IntegrityError as error:  # somebody else did the same in the same moment
        raise meaning() from error


def _key_taken() -> Conflict:
    return Conflict(
        "Another company has this external key",
        code="external_key_taken",
        errors=[FieldError("/external_key", "Taken")],
    )


def _contact_exists() -> Conflict:
    return Conflict(
        "The person is a contact of this company already",
        code="contact_exists",
        errors=[FieldError("/email", "Taken")],
    )
