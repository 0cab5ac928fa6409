"""Contacts as companies' people: who is whose contact, and whether it may act."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from provider_service.accounts import store
from provider_service.accounts.domain import CompanyContactRecord, ContactFacts
from provider_service.accounts.service.companies import get_company
from provider_service.accounts.service.contacts import create_contact, find_contact, stamp_contact
from provider_service.accounts.service.parts import AccountHooks, flush, note, sees, unknown_company, unknown_contact
from provider_service.accounts.tables import AccountContact, Company, Contact
from provider_service.audit.domain import Actor
from provider_service.directory import service as directory
from provider_service.directory.domain import Caller, Person, email_key
from shared.wire.errors import Conflict, FieldError
from shared.wire.states import Role


def create_company_contact(
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
) -> CompanyContactRecord:
    """Make a person a company's contact; user and contact are made unless the address has them.

    ``grant_consumer_role``: whether it gets ``sn_sb_pro.consumer``. ``welcome_from``: this instance's name, with which
    a mail to set a password goes to a person who has none; None sends no mail. Raises `NotFound`
    (``company_unknown``), `Conflict` (``contact_exists``, ``contact_ambiguous``), `Invalid` (``email_invalid``).
    """
    company = store.company(session, company_id)
    if company is None:
        raise unknown_company()
    person = _person_for(session, email, name, language, actor=actor, now=now)
    contact_id = _contact_for(session, person, actor=actor, now=now)
    if store.tie(session, company_id, contact_id) is not None:
        raise _tied_already()
    _tie(session, company_id, contact_id, actor=actor, now=now)
    if grant_consumer_role:
        directory.grant_role(session, person.id, Role.SN_SB_PRO_CONSUMER, actor=actor, now=now)
    if welcome_from is not None:
        directory.welcome(session, person.id, instance=welcome_from, actor=actor, now=now)
    return get_company_contact(session, company_id, contact_id)


def link_contact(
    session: Session, company_id: str, contact_id: str, *, actor: Actor, now: datetime
) -> CompanyContactRecord:
    """Make a known contact a company's; linking twice is one effect, and switches nothing on again.

    Raises `NotFound` (``company_unknown``, ``contact_unknown``).
    """
    if store.company(session, company_id) is None:
        raise unknown_company()
    contact = find_contact(session, contact_id)
    if contact is None:
        raise unknown_contact()
    if store.tie(session, company_id, contact.id) is None:
        _tie(session, company_id, contact.id, actor=actor, now=now)
    return get_company_contact(session, company_id, contact.id)


def set_company_contact_enabled(
    session: Session,
    company_id: str,
    contact_id: str,
    *,
    change: Callable[[CompanyContactRecord], bool],
    hooks: AccountHooks | None = None,
    caller: Caller,
    now: datetime,
) -> CompanyContactRecord:
    """Switch a company's contact on or off; the person and its other companies stay as they are.

    Raises `NotFound`, and whatever the hooks object to.
    """
    present = get_company_contact(session, company_id, contact_id)
    if present.enabled and hooks is not None and not change(present):
        for asked in hooks.before_switching_off:
            asked(session, company_id, present.id, caller)
    tie = store.tie(session, company_id, present.id, lock=True)
    if tie is None:
        raise unknown_contact()
    before = tie.active
    wanted = change(get_company_contact(session, company_id, contact_id))
    if wanted != before:
        tie.active, tie.updated_at, tie.version = wanted, now, tie.version + 1
        session.flush()
        old, new = {"enabled": before}, {"company_id": company_id, "enabled": wanted}
        note(session, caller.actor, "contact.switched", present.id, before=old, after=new, now=now)
    return get_company_contact(session, company_id, contact_id)


def get_company_contact(
    session: Session, company_id: str, contact_id: str, *, caller: Caller | None = None
) -> CompanyContactRecord:
    """Return a company's contact, of a merged one what it was found to be.

    Raises `NotFound` also for one of a company the caller does not belong to.
    """
    found = find_company_contact(session, company_id, contact_id)
    if found is None or not sees(session, caller, company_id):
        raise unknown_contact()
    return found


def find_company_contact(session: Session, company_id: str, contact_id: str) -> CompanyContactRecord | None:
    """Return a company's contact, if it is one; of a merged one, what it was found to be."""
    contact = find_contact(session, contact_id)
    tie = None if contact is None else store.tie(session, company_id, contact.id)
    return None if tie is None else _records(session, [tie])[0]


def contact_of(session: Session, company_id: str, user_id: str) -> CompanyContactRecord | None:
    """Return the contact a user is at a company, if it is one."""
    contact = store.contact_of_user(session, user_id)
    return None if contact is None else find_company_contact(session, company_id, contact.id)


def list_company_contacts(
    session: Session, company_id: str, *, caller: Caller | None = None, after: str | None = None, limit: int = 50
) -> list[CompanyContactRecord]:
    """Return a company's contacts in order of their creation. Raises `NotFound` as `get_company` does."""
    get_company(session, company_id, caller=caller)
    return _records(session, store.ties(session, company_id, after=after, limit=limit))


def _person_for(session: Session, email: str, name: str, language: str, *, actor: Actor, now: datetime) -> Person:
    known = directory.find_user(session, email)
    if known is not None:
        return known
    return directory.add_user(session, email=email, name=name, language=language, actor=actor, now=now)


def _contact_for(session: Session, person: Person, *, actor: Actor, now: datetime) -> str:
    """Return the person's contact: the stamped one, else the only unstamped one with the address, else a new one."""
    stamped = store.contact_of_user(session, person.id)
    if stamped is not None:
        return stamped.id
    candidates = store.unstamped(session, email_key(person.email), limit=2)
    if len(candidates) > 1:
        raise Conflict(
            "Several contacts have this address",
            code="contact_ambiguous",
            cause="None of them is stamped with a user, so nothing says which one is meant.",
            fix="Merge them, or stamp the one that is meant and link it.",
            errors=[FieldError("/email", "Several contacts")],
        )
    if candidates:
        return stamp_contact(session, candidates[0].id, person.id, actor=actor, now=now).id
    facts = ContactFacts(email=person.email, name=person.name, language=person.language, user_id=person.id)
    return create_contact(session, facts, actor=actor, now=now).id


def _tie(session: Session, company_id: str, contact_id: str, *, actor: Actor, now: datetime) -> None:
    made = AccountContact(
        company_id=company_id, contact_id=contact_id, active=True, created_at=now, updated_at=now, version=1
    )
    session.add(made)
    flush(session, _tied_already)
    after = {"company_id": company_id, "enabled": True}
    note(session, actor, "contact.linked", contact_id, after=after, now=now)


def _records(session: Session, ties: Sequence[AccountContact]) -> list[CompanyContactRecord]:
    contacts = store.contacts_with(session, [tie.contact_id for tie in ties])
    people = directory.get_users(session, [one.user_id for one in contacts.values() if one.user_id is not None])
    companies = {company_id: store.company(session, company_id) for company_id in {tie.company_id for tie in ties}}
    return [_record(tie, contacts[tie.contact_id], companies[tie.company_id], people) for tie in ties]


def _record(
    tie: AccountContact, contact: Contact, company: Company | None, people: dict[str, Person]
) -> CompanyContactRecord:
    assert company is not None  # noqa: S101 - narrows a type; the foreign key keeps it there
    person = people.get(contact.user_id or "")
    shown = person or contact
    return CompanyContactRecord(
        id=contact.id,
        company_id=company.id,
        company_name=company.name,
        company_active=company.active,
        user_id=contact.user_id,
        email=shown.email,
        name=shown.name,
        language=shown.language,
        active=tie.active and contact.active and company.active and person is not None and person.active,
        enabled=tie.active,
        has_password=person is not None and person.has_password,
        roles=frozenset() if person is None else person.roles,
        created_at=tie.created_at,
        updated_at=tie.updated_at,
        version=tie.version,
    )


def _tied_already() -> Conflict:
    return Conflict(
        "The person is a contact of this company already",
        code="contact_exists",
        errors=[FieldError("/email", "Taken")],
    )
