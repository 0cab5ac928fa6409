"""Contacts as people: making, changing, finding, stamping and merging their records."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from provider_service.accounts import domain, store
from provider_service.accounts.domain import Address, ContactFacts, ContactRecord, DeclaredFor
from provider_service.accounts.service.parts import AccountHooks, flush, is_staff, note, unknown_contact
from provider_service.accounts.service.values import accept_values, index_values
from provider_service.accounts.tables import Contact
from provider_service.audit.domain import Actor, changes
from provider_service.directory import service as directory
from provider_service.directory.domain import Caller, email_key, require_role
from provider_service.mail.domain import canonical_address
from shared.wire.errors import Conflict, FieldError, Invalid
from shared.wire.identifiers import new_id
from shared.wire.states import Role

_TOLD: Final = ("email", "name", "language", "category", "user_id", "active")
"""What the audit trail says whole; of everything else about a person only that it was changed."""
_PRIVATE: Final = (
    "first_name", "middle_name", "last_name", "work_phone", "mobile_phone", "home_phone",
    "date_of_birth", "place_of_birth", "addresses", "attributes",
)  # fmt: skip


def create_contact(session: Session, facts: ContactFacts, *, actor: Actor, now: datetime) -> ContactRecord:
    """Make the record of a person, with or without a user, of no company yet.

    Raises `Invalid` (``email_invalid``, ``attribute_invalid``, ``user_unknown``), `Conflict` (``user_stamped``).
    """
    row = Contact(id=new_id(), merged_into=None, user_id=None, created_at=now, updated_at=now, version=1)
    _assign(session, row, facts)
    session.add(row)
    flush(session, _stamped_elsewhere)
    index_values(session, DeclaredFor.CONTACT, row.id, row.attributes)
    made = contact_record(row)
    note(session, actor, "contact.created", row.id, after=_told(made), now=now)
    return made


def update_contact(
    session: Session,
    contact_id: str,
    *,
    change: Callable[[ContactRecord], ContactFacts],
    hooks: AccountHooks,
    caller: Caller,
    now: datetime,
) -> ContactRecord:
    """Change a contact to what ``change`` makes of the present state, read under lock.

    Another stamp lets another person act for the contact's companies, so it takes an administrator. Raises `NotFound`,
    `Conflict` (``contact_merged``) for a pointer, `Forbidden`, whatever the hooks object to, and as `create_contact`
    does.
    """
    present = contact_record(_required(store.contact(session, contact_id)))
    if present.active and not change(present).active:
        for company_id in store.companies_of_contact(session, contact_id):
            for asked in hooks.before_switching_off:
                asked(session, company_id, contact_id, caller)
    row = _required(store.contact(session, contact_id, lock=True))
    before = contact_record(row)
    _require_whole(before)
    wanted = change(before)
    if wanted.user_id != before.user_id:
        require_role(caller, [Role.ADMIN])
    _assign(session, row, wanted)
    after = contact_record(row)
    old, new = changes(_told(before), _told(after))
    private = [name for name in _PRIVATE if getattr(before, name) != getattr(after, name)]
    if new or private:
        row.updated_at, row.version = now, row.version + 1
        flush(session, _stamped_elsewhere)
        index_values(session, DeclaredFor.CONTACT, row.id, row.attributes)
        new |= {"fields": private} if private else {}
        note(session, caller.actor, "contact.updated", row.id, before=old, after=new, now=now)
    if before.user_id != after.user_id:
        for told in hooks.after_stamping:
            told(session, row.id, before.user_id, now)
    return contact_record(row)


def stamp_contact(session: Session, contact_id: str, user_id: str, *, actor: Actor, now: datetime) -> ContactRecord:
    """Stamp a contact with a user of the identity directory, which the calling use case has made sure of.

    Doing it twice is one effect. Raises `NotFound`; `Conflict` (``contact_stamped``) where it has another user's
    stamp, ``user_stamped`` where another contact has this one, ``contact_merged``.
    """
    row = _required(store.contact(session, contact_id, lock=True))
    _require_whole(contact_record(row))
    if row.user_id == user_id:
        return contact_record(row)
    if row.user_id is not None:
        raise Conflict("The contact is stamped with another user", code="contact_stamped")
    _require_unstamped(session, user_id, row.id)
    row.user_id, row.updated_at, row.version = user_id, now, row.version + 1
    flush(session, _stamped_elsewhere)
    old, new = {"user_id": None}, {"user_id": user_id}
    note(session, actor, "contact.stamped", row.id, before=old, after=new, now=now)
    return contact_record(row)


def merge_contacts(
    session: Session, merged_id: str, into_id: str, *, hooks: AccountHooks, actor: Actor, now: datetime
) -> ContactRecord:
    """Find two contacts to be one person: ties and stamp go to ``into``, and the merged one only points there.

    Where both are contacts of one company, the tie stays switched on only if both were. Raises `NotFound`; `Conflict`
    (``merge_same``, ``contact_merged``, ``stamp_conflict``), and whatever the hooks object to.
    """
    rows = {one: store.contact(session, one, lock=True) for one in sorted({merged_id, into_id})}
    merged, into = _required(rows[merged_id]), _required(rows[into_id])
    domain.require_mergeable(contact_record(merged), contact_record(into))
    for asked in hooks.before_merge:
        asked(session, merged_id, into_id, now)
    _move_ties(session, merged_id, into_id, now)
    stamp, merged.user_id, merged.merged_into = merged.user_id, None, into_id
    index_values(session, DeclaredFor.CONTACT, merged_id, {})
    store.point_to(session, merged_id, into_id)
    session.flush()  # the stamp is free before the other contact takes it
    into.user_id = into.user_id or stamp
    for row in (merged, into):
        row.updated_at, row.version = now, row.version + 1
    flush(session, _stamped_elsewhere)
    told = {"merged_into": into_id, "user_id": stamp}
    note(session, actor, "contact.merged", merged_id, after=told, now=now)
    note(session, actor, "contact.updated", into_id, after={"merged": merged_id, "user_id": into.user_id}, now=now)
    return contact_record(into)


def get_contact(session: Session, contact_id: str, *, caller: Caller | None = None) -> ContactRecord:
    """Return a contact, a pointer too. Raises `NotFound` also for one that is not the caller's own to see."""
    row = store.contact(session, contact_id)
    if row is None or not (caller is None or is_staff(caller) or row.user_id == caller.user_id):
        raise unknown_contact()
    return contact_record(row)


def find_contact(session: Session, contact_id: str) -> ContactRecord | None:
    """Return a contact, if there is one; of a merged one, the contact it was found to be."""
    row = store.contact(session, contact_id)
    if row is not None and row.merged_into is not None:
        row = store.contact(session, row.merged_into)
    return None if row is None else contact_record(row)


def contact_of_user(session: Session, user_id: str) -> ContactRecord | None:
    """Return the contact stamped with a user, if there is one."""
    row = store.contact_of_user(session, user_id)
    return None if row is None else contact_record(row)


def list_contacts(
    session: Session,
    *,
    caller: Caller | None = None,
    email: str | None = None,
    company_id: str | None = None,
    user_id: str | None = None,
    stamped: bool | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[ContactRecord]:
    """Return contacts in order of their creation, merged ones left out; who is no staff sees its own record."""
    if not (caller is None or is_staff(caller)):
        if user_id not in {None, caller.user_id}:
            return []
        user_id = caller.user_id
    rows = store.contacts(
        session,
        email_key=None if email is None else email_key(email),
        company_id=company_id,
        user_id=user_id,
        stamped=stamped,
        after=after,
        limit=limit,
    )
    return [contact_record(row) for row in rows]


def contact_record(row: Contact) -> ContactRecord:
    """Return a row as a contact."""
    plain = {name: getattr(row, name) for name in ContactRecord.__slots__ if name != "addresses"}
    return ContactRecord(addresses=tuple(Address(**one) for one in row.addresses), **plain)


def _assign(session: Session, row: Contact, facts: ContactFacts) -> None:
    if facts.user_id is not None and facts.user_id != row.user_id:
        _require_user(session, facts.user_id)
        _require_unstamped(session, facts.user_id, row.id)
    values = accept_values(session, DeclaredFor.CONTACT, facts.attributes)
    address = canonical_address(facts.email)
    for name, value in asdict(facts).items():
        setattr(row, name, value)
    row.email, row.email_key, row.name = address, email_key(address), domain.display_name(facts)
    row.addresses, row.attributes = [asdict(one) for one in facts.addresses], values


def _move_ties(session: Session, merged_id: str, into_id: str, now: datetime) -> None:
    held = {tie.company_id: tie for tie in store.ties_of(session, into_id)}
    for tie in store.ties_of(session, merged_id):
        other = held.get(tie.company_id)
        if other is None:
            tie.contact_id = into_id
            tie.updated_at, tie.version = now, tie.version + 1
            continue
        session.delete(tie)
        if other.active and not tie.active:
            other.active, other.updated_at, other.version = False, now, other.version + 1


def _require_user(session: Session, user_id: str) -> None:
    if user_id not in directory.get_users(session, [user_id]):
        raise Invalid(
            "There is no such user", code="user_unknown", errors=[FieldError("/user_id", "There is no such user")]
        )


def _require_unstamped(session: Session, user_id: str, contact_id: str) -> None:
    holder = store.contact_of_user(session, user_id)
    if holder is not None and holder.id != contact_id:
        raise _stamped_elsewhere()


def _require_whole(record: ContactRecord) -> None:
    if record.merged_into is not None:
        raise Conflict(
            "The contact was merged into another one",
            code="contact_merged",
            cause=f"It is {record.merged_into} now.",
            fix="Change the contact it points to.",
        )


def _required(row: Contact | None) -> Contact:
    if row is None:
        raise unknown_contact()
    return row


def _told(record: ContactRecord) -> Mapping[str, Any]:
    return {name: getattr(record, name) for name in _TOLD}


def _stamped_elsewhere() -> Conflict:
    return Conflict(
        "Another contact is stamped with this user",
        code="user_stamped",
        fix="Merge the two contacts, or take the stamp off the other one.",
        errors=[FieldError("/user_id", "Taken")],
    )
